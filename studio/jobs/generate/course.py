"""The course of a generation job: what is asked for next, as answers come and as a person steers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from studio.jobs.events import Event, Log
from studio.jobs.generate.budget import Budget
from studio.jobs.generate.ledger import Ledger
from studio.jobs.generate.order import Spec
from studio.jobs.generate.picture import warnings_of
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
        self._told: set[tuple[str, str]] = set()
        """Recipes with what was told of them."""
        self.queue = UnitQueue()
        self.set_most: Callable[[int | None], None] = lambda _: None
        """Takes another number of requests at a time; None is the server's own limits."""
        self.under_way: Callable[[], set[str]] = set
        """Tells which units are with the server: they are not asked for beside that."""
        self._forward: tuple[Place, ...] = ()
        """Slots that a person has asked for again: they come first."""
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
        self._bring_forward()
        return len(self.queue)

    def after(self, unit: Unit) -> Iterator[Event]:
        """Plan what an answer makes necessary, once its examples are saved."""
        place = unit.place
        if self._spec.teacher == "offline":
            return
        for warned in warnings_of(self._ledger.figures(unit.recipe)):
            # Slots that are exhausted are told below, each with what is left out.
            told = (unit.recipe, warned.kind)
            if warned.kind != "exhausted" and told not in self._told:
                self._told.add(told)
                yield Log(level="warning", text=warned.text)
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
            self._ask_again(wish.again)

    def _ask_again(self, wished: tuple[str, ...]) -> None:
        """Let slots come next that a person has asked for again, also those that were given up."""
        slots = self._ledger.slots
        given_up = slots.exhausted()
        known = {"/".join(place): place for place in slots.places()}
        named = tuple(known[name] for name in wished if name in known)
        self._forward = tuple(dict.fromkeys((*named, *given_up))) if ALL in wished else named
        busy = self.under_way()
        for place in self._forward:
            if place in given_up:
                slots.reopen(place)
                left = self._ledger.unanswered(place)
                self.queue.add(unit for unit in left if unit.id not in busy and unit.id not in self.queue)
            if self._spec.teacher != "offline":
                self.queue.add(self._top_up(place))
        self._bring_forward()

    def _bring_forward(self) -> None:
        for place in reversed(self._forward):
            self.queue.bring_forward(place)

    def _top_up(self, place: Place) -> list[Unit]:
        slots = self._ledger.slots
        short = slots.short(place)
        if not short or slots.is_exhausted(place):
            return []
        units = self._refill.plan(place, short)
        for unit in units:
            self._ledger.add(unit)
        return units
