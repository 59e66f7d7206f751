"""The books of a generation job: which units have an answer, what they cost and which examples they gave."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

from store.models import Example, GenerationRun, Message, Provenance, Signals, now
from studio.jobs import events
from studio.jobs.events import Event, Progress, Recorded, Saved
from studio.jobs.generate.check import faults
from studio.jobs.generate.order import ASKED_PER_SLOT, Order, Spec
from studio.jobs.generate.parse import ReplyError, conversations
from studio.jobs.generate.teachers.base import Answer
from studio.jobs.generate.units import Unit


class Ledger:
    """Enters answers in the order in which they come; rebuilt from the job's own events after a kill."""

    def __init__(self, order: Order, spec: Spec, job_id: str, previous: Iterable[Recorded] = ()) -> None:
        self._order = order
        self._spec = spec
        self._job_id = job_id
        self._units = {unit.id: unit for unit in order.units}
        self._answered: dict[str, events.Unit] = {}
        """The answers by unit, those that failed included: a failed one was paid for, too."""
        self._saved: set[str] = set()
        self.failed = 0
        """Units whose answer holds no example; another order asks for what is missing."""
        self._began = now()
        self._asked = defaultdict(list, {key: list(asked) for key, asked in order.asked.items()})
        self.spent_usd = 0.0
        self._examples = 0
        self._started = time.monotonic()
        self._examples_before = 0
        for recorded in previous:
            match recorded.event:
                case events.Unit() as event:
                    self._note(event)
                case Saved(table="examples", document=document):
                    self._saved.add(str(document["id"]))
                case Saved(table="generation_runs", document=document):
                    self._began = GenerationRun.model_validate(document).created_at
                case _:
                    pass
        self._examples = self._examples_before = len(self._saved)

    @cached_property
    def wanted(self) -> int:
        """Examples ordered in all."""
        return sum(unit.count for unit in self._order.units)

    @property
    def answered(self) -> frozenset[str]:
        """Ids of the units that have an answer."""
        return frozenset(self._answered)

    def open_units(self) -> list[Unit]:
        """Return the units without an answer."""
        return [unit for unit in self._order.units if unit.id not in self._answered]

    def asked(self, unit: Unit) -> tuple[str, ...]:
        """Return the newest questions that the unit's slot has already."""
        return tuple(self._asked[f"{unit.recipe}/{unit.slot}"][-ASKED_PER_SLOT:])

    def unsaved(self) -> Iterator[Event]:
        """Yield the examples of answers that were kept before a kill could save what they hold."""
        for unit_id, event in list(self._answered.items()):
            if event.state == "done" and unit_id in self._units:
                yield from self._save(self._units[unit_id], event)

    def enter(self, answer: Answer) -> Iterator[Event]:
        """Yield the answer, then its examples; an answer without a usable one becomes a failed unit."""
        event = answer.event
        if event.state == "done":
            try:
                self._conversations(answer.unit, event)
            except ReplyError as error:
                event = event.model_copy(update={"state": "failed", "reason": str(error)})
        self._note(event)
        yield event
        if event.state == "done":
            yield from self._save(answer.unit, event)

    def progress(self) -> Progress:
        """Return how far the order is, in examples."""
        elapsed = time.monotonic() - self._started
        made = self._examples - self._examples_before
        rate = made / elapsed if made and elapsed > 0 else None
        left = max(0, self.wanted - self._examples)
        return Progress(
            done=self._examples,
            total=self.wanted,
            unit="examples",
            rate=rate,
            eta_seconds=left / rate if rate else None,
            spent_usd=self.spent_usd,
            label=f"{self.failed} failed" if self.failed else "",
        )

    def generation_run(self) -> GenerationRun:
        """Return the document of this order as it stands."""
        return GenerationRun(
            id=self._job_id,
            created_at=self._began,
            job_id=self._job_id,
            teacher=self._spec.teacher,
            model=self._spec.model,
            recipes=tuple(recipe.name for recipe in self._order.recipes),
            wanted=self.wanted,
            budget_usd=self._spec.budget_usd,
            spent_usd=self.spent_usd,
        )

    def summary(self) -> str:
        """Return the order's result in one line."""
        failed = f", {self.failed} requests failed" if self.failed else ""
        cost = f", ${self.spent_usd:.4f}" if self.spent_usd else ""
        return (
            f"{self._examples} of {self.wanted} examples from the {self._spec.teacher} teacher{failed}{cost}"
        )

    def result(self) -> dict[str, object]:
        """Return the figures for `--json`."""
        return {
            "examples": self._examples,
            "wanted": self.wanted,
            "failed_units": self.failed,
            "spent_usd": self.spent_usd,
            "teacher": self._spec.teacher,
        }

    def _note(self, event: events.Unit) -> None:
        self.spent_usd += event.cost_usd or 0.0
        self.failed += event.state == "failed"
        self._answered[event.unit_id] = event

    def _save(self, unit: Unit, event: events.Unit) -> Iterator[Event]:
        found = self._conversations(unit, event)
        for number, messages in enumerate(found):
            example = self._example(unit, event, number, messages, share=len(found))
            if example.id not in self._saved:
                self._saved.add(example.id)
                self._examples += 1
                self._asked[f"{unit.recipe}/{unit.slot}"].append(messages[0].content)
                yield Saved(table="examples", document=example.model_dump(mode="json"))

    def _conversations(self, unit: Unit, event: events.Unit) -> list[tuple[Message, ...]]:
        written = self._order.starter.get(unit.id)
        # More than was ordered would upset the even spread over slots; the text keeps the rest.
        return [written] if written else conversations(event.text)[: unit.count]

    def _example(
        self, unit: Unit, event: events.Unit, number: int, messages: tuple[Message, ...], *, share: int
    ) -> Example:
        recipe = self._order.recipe(unit.recipe)
        return Example(
            id=hashlib.sha256(f"{unit.id}\0{number}".encode()).hexdigest()[:32],
            messages=messages,
            category=recipe.category,
            recipe=recipe.name,
            slot=unit.slot,
            signals=Signals(flags=faults(messages, recipe, recipe.slot(unit.slot), self._order.phrases)),
            provenance=Provenance(
                teacher=self._spec.teacher,
                model=event.model,
                request_id=event.request_id,
                unit_id=unit.id,
                job_id=self._job_id,
                input_tokens=event.input_tokens,
                output_tokens=event.output_tokens,
                cost_usd=event.cost_usd / share if event.cost_usd is not None else None,
                source_id=unit.source_id,
                source_path=unit.source_path,
                source_lines=unit.source_lines,
            ),
        )
