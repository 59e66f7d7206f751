"""The course of a generation job: what is asked for next, as answers come and as a person steers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from studio.jobs.events import Event, Log
from studio.jobs.generate.budget import Budget
from studio.jobs.generate.ledger import Ledger
from studio.jobs.generate.order import Spec
from studio.jobs.generate.queue import UnitQueue
from studio.jobs.generate.refill import Refill
from studio.jobs.generate.slots import Place
from studio.jobs.generate.steering import ALL, Wheel
from studio.jobs.generate.units import Unit


class Course:
    """Keeps the queue: each slot is asked for again until it has what was ordered, or brings nothing new any more."""

    def __init__(self, spec: Spec, folder: Path, ledger: Ledger, refill: Refill, budget: Budget) -> None:
        self._spec = spec
        self._ledger = ledger
        self._refill = refill
        self._budget = budget
        self._wheel = Wheel(folder)
        self._again = 0
        self._told: set[str] = set()
        """Monotonies that were told."""
        self.queue = UnitQueue()
        self.set_most: Callable[[int | None], None] = lambda _: None
        """Takes another number of requests at a time; None is the server's own limits."""
        self.cancelled = False
        """A person has cancelled the batches and what is left."""

    def refresh(self) -> int:
        """Let all that has no answer wait; return how many units that is."""
        if self._spec.teacher != "offline":
            # What an earlier process had no time to plan.
            for place in self._ledger.slots.places():
                self._top_up(place)
        self.queue.replace(self._ledger.open_units())
        if self._wheel.now.recipes:
            self.queue.reorder(self._wheel.now.recipes)
        return len(self.queue)

    def after(self, unit: Unit) -> Iterator[Event]:
        """Plan what an answer makes necessary, once its examples are saved."""
        place = unit.place
        if self._spec.teacher == "offline":
            return
        alike = self._ledger.novelty.monotonous(unit.recipe)
        if alike is not None and (told := f"{unit.recipe} {alike.kind} {alike.what}") not in self._told:
            self._told.add(told)
            yield Log(level="warning", text=f"{unit.recipe}: {alike}")
        if self._ledger.slots.exhaust(place):
            dropped = self.queue.drop(place)
            left = sum(one.count for one in dropped)
            more = f"; {left} more that were planned are not asked for" if left else ""
            text = f"{'/'.join(place)} is exhausted: it brings hardly anything new that counts{more}"
            yield Log(level="warning", text=text)
            yield self._ledger.figures(unit.recipe)
        else:
            self.queue.add(self._top_up(place))

    def tick(self) -> None:
        """Take in what a person changed meanwhile."""
        if not self._wheel.turned():
            return
        wish = self._wheel.now
        if wish.concurrency is not None:
            self.set_most(wish.concurrency)
        if wish.budget_usd is not None:
            self._budget.limit_usd = wish.budget_usd
        if wish.recipes:
            self.queue.reorder(wish.recipes)
        self.cancelled = wish.cancel
        if wish.again_number != self._again:
            self._again = wish.again_number
            self._reopen(wish.again)

    def _reopen(self, wished: tuple[str, ...]) -> None:
        slots = self._ledger.slots
        for place in slots.exhausted():
            if ALL in wished or "/".join(place) in wished:
                slots.reopen(place)
                self.queue.add(self._ledger.unanswered(place))
                self.queue.add(self._top_up(place))

    def _top_up(self, place: Place) -> list[Unit]:
        slots = self._ledger.slots
        short = slots.short(place)
        if not short or slots.is_exhausted(place):
            return []
        units = self._refill.plan(place, short)
        for unit in units:
            self._ledger.add(unit)
        return units
