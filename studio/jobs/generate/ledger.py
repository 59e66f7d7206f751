"""The books of a generation job: which units have an answer, what they cost and which examples they gave."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator

from store.models import Example, GenerationRun, Message, Status, now
from studio.jobs import events
from studio.jobs.events import Event, Progress, RecipeFigures, Recorded, Saved
from studio.jobs.generate.made import Source, made_example
from studio.jobs.generate.novelty import Known, Novelty, known_of
from studio.jobs.generate.order import ASKED_PER_SLOT, Order, Spec
from studio.jobs.generate.parse import ReplyError, conversations
from studio.jobs.generate.slots import Place, Slots, Verdict
from studio.jobs.generate.teachers.base import Answer
from studio.jobs.generate.units import Unit


class Ledger:
    """Enters answers in the order in which they come; rebuilt from the job's own events after a kill."""

    def __init__(
        self,
        order: Order,
        spec: Spec,
        job_id: str,
        previous: Iterable[Recorded] = (),
        added: Iterable[Unit] = (),
    ) -> None:
        """`added` are the units beyond those of the order."""
        self._order = order
        self._spec = spec
        self._job_id = job_id
        self._units = {unit.id: unit for unit in order.units}
        self.slots = Slots()
        for unit in order.units:
            self.slots.order(unit)
        for unit in added:
            self.add(unit)
        self.novelty = Novelty(order.near_duplicate, order.monotony)
        """Knows nothing yet: see `learning`."""
        self._answered: set[str] = set()
        self.paid: Counter[str] = Counter()
        """Answers by unit for which a server wrote a reply."""
        self.own: list[Known] = []
        """Examples that earlier processes of the job have saved, as far as the novelty does not know them."""
        self._saved: set[str] = set()
        self._last: events.Unit | None = None
        """The newest answer: the only one whose examples a kill can have kept from being saved."""
        self.failed = 0
        """Units whose answer holds no example; another one is planned in their place."""
        self._began = now()
        self._asked: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=ASKED_PER_SLOT))
        for key, asked in order.asked.items():
            self._asked[key].extend(asked)
        self.spent_usd = 0.0
        self._started = time.monotonic()
        for recorded in previous:
            match recorded.event:
                case events.Unit() as event:
                    self._note(event)
                case Saved(table="examples", document=document):
                    self._recall(Example.model_validate(document))
                case Saved(table="generation_runs", document=document):
                    self._began = GenerationRun.model_validate(document).created_at
                case _:
                    pass
        for place in self.slots.places():
            self.slots.exhaust(place)
        self._made_before = self.slots.made()
        self._spent_before = self.spent_usd

    @property
    def answered(self) -> frozenset[str]:
        """Ids of the units that have an answer."""
        return frozenset(self._answered)

    @property
    def wanted(self) -> int:
        """Examples ordered in all."""
        return self.slots.wanted()

    @property
    def made(self) -> int:
        """Examples that count."""
        return self.slots.made()

    def add(self, unit: Unit) -> None:
        """Take in a unit that makes up for what another one did not bring."""
        self._units[unit.id] = unit
        self.slots.order(unit, wanted=False)

    def unit(self, unit_id: str) -> Unit | None:
        """Return the unit of an id; None where it has an answer, or is not of this order."""
        return None if unit_id in self._answered else self._units.get(unit_id)

    def unanswered(self, place: Place) -> list[Unit]:
        """Return the units of a slot without an answer."""
        return [u for u in self._units.values() if u.place == place and u.id not in self._answered]

    def open_units(self) -> list[Unit]:
        """Return the units without an answer; those of exhausted slots are not asked for."""
        return [
            unit
            for unit in self._units.values()
            if unit.id not in self._answered and not self.slots.is_exhausted(unit.place)
        ]

    def asked(self, unit: Unit) -> tuple[str, ...]:
        """Return the newest questions that the unit's slot has already."""
        return tuple(self._asked[f"{unit.recipe}/{unit.slot}"])

    @property
    def interrupted(self) -> bool:
        """True where an answer was kept, and a kill came before what it holds was saved."""
        event = self._last
        if event is None or event.state != "done" or event.unit_id not in self._units:
            return False
        held = len(self._conversations(self._units[event.unit_id], event))
        return any(_example_id(event.unit_id, number) not in self._saved for number in range(held))

    def unsaved(self) -> Iterator[Event]:
        """Yield the examples of the answer that was interrupted, where one was; all must be learnt before."""
        if self.interrupted and self._last is not None:
            yield from self._save(self._units[self._last.unit_id], self._last)

    def enter(self, answer: Answer) -> Iterator[Event]:
        """Yield the answer, then its examples; an answer without a usable one becomes a failed unit."""
        event = answer.event.model_copy(update={"recipe": answer.unit.recipe, "slot": answer.unit.slot})
        if event.state == "done":
            try:
                self._conversations(answer.unit, event)
            except ReplyError as error:
                event = event.model_copy(update={"state": "failed", "reason": str(error)})
        self._note(event)
        yield event
        if event.state == "done":
            yield from self._save(answer.unit, event)
        yield self.figures(answer.unit.recipe)

    def progress(self) -> Progress:
        """Return how far the order is, in examples that count."""
        elapsed = time.monotonic() - self._started
        made = self.made - self._made_before
        rate = made / elapsed if made and elapsed > 0 else None
        left = max(0, self.wanted - self.made)
        return Progress(
            done=self.made,
            total=self.wanted,
            unit="examples",
            rate=rate,
            eta_seconds=left / rate if rate else None,
            spent_usd=self.spent_usd,
            label=", ".join(self._odd()),
        )

    def figures(self, recipe: str) -> RecipeFigures:
        """Return how far a recipe is."""
        alike = self.novelty.monotonous(recipe)
        verdicts = self.slots.verdicts
        return RecipeFigures(
            recipe=recipe,
            wanted=self.slots.wanted(recipe),
            made=self.slots.made(recipe),
            failed=self.slots.failed[recipe],
            rejected=verdicts["rejected"][recipe],
            duplicates=verdicts["duplicate"][recipe],
            exhausted=tuple(slot for _, slot in self.slots.exhausted(recipe)),
            monotony=str(alike) if alike else "",
            monotony_share=alike.share if alike else 0.0,
        )

    @property
    def projected_usd(self) -> float | None:
        """What the whole order will cost as things went so far; None before the first paid example."""
        if not self.made or not self.spent_usd:
            return None
        return self.spent_usd / self.made * self.wanted

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
        cost = f", ${self.spent_usd:.4f}" if self.spent_usd else ""
        odd = "".join(f", {part}" for part in self._odd())
        return f"{self.made} of {self.wanted} examples from the {self._spec.teacher} teacher{odd}{cost}"

    def lacking(self) -> str:
        """Return what is missing, in words: `4 of technical, 2 of turkish`; empty where nothing is."""
        by_recipe: Counter[str] = Counter()
        for (recipe, _), number in self.slots.lacking().items():
            by_recipe[recipe] += number
        return ", ".join(f"{number:,} of {recipe}" for recipe, number in by_recipe.items())

    def result(self) -> dict[str, object]:
        """Return the figures for `--json`."""
        verdicts = self.slots.verdicts
        return {
            "examples": self.made,
            "wanted": self.wanted,
            "failed_units": self.failed,
            "rejected": verdicts["rejected"].total(),
            "near_duplicates": verdicts["duplicate"].total(),
            "exhausted": ["/".join(place) for place in self.slots.exhausted()],
            "spent_usd": self.spent_usd,
            "teacher": self._spec.teacher,
        }

    def _odd(self) -> list[str]:
        verdicts = self.slots.verdicts
        parts = (
            (self.failed, "failed"),
            (verdicts["rejected"].total(), "broke their recipe"),
            (verdicts["duplicate"].total(), "near-duplicates"),
            (len(self.slots.exhausted()), "slots exhausted"),
        )
        return [f"{number} {name}" for number, name in parts if number]

    def _note(self, event: events.Unit) -> None:
        self.spent_usd += event.cost_usd or 0.0
        self._answered.add(event.unit_id)
        if event.model is not None:
            self.paid[event.unit_id] += 1
        self._last = event
        failed = event.state == "failed"
        self.failed += failed
        unit = self._units.get(event.unit_id)
        if unit is not None:
            self.slots.answer(unit, failed=failed)

    def _recall(self, example: Example) -> None:
        """Take in an example that an earlier process of the job has saved."""
        self._saved.add(example.id)
        verdict: Verdict = "made"
        if example.status == Status.REJECTED:
            verdict = "rejected"
        elif example.signals.near_duplicate_of is not None:
            verdict = "duplicate"
        if verdict != "rejected":
            self.own.append(known_of(example))
        self._count(example, verdict)

    def _count(self, example: Example, verdict: Verdict) -> None:
        self.slots.judge((example.recipe or "", example.slot or ""), verdict)
        self._asked[f"{example.recipe}/{example.slot}"].append(example.messages[0].content)

    def _save(self, unit: Unit, event: events.Unit) -> Iterator[Event]:
        found = self._conversations(unit, event)
        for number, messages in enumerate(found):
            example_id = _example_id(unit.id, number)
            if example_id in self._saved:
                continue
            example, verdict = made_example(
                self._order,
                self._spec,
                self.novelty,
                Source(example_id, self._job_id, unit, event, len(found)),
                messages,
            )
            self._saved.add(example_id)
            yield Saved(table="examples", document=example.model_dump(mode="json"))
            self._count(example, verdict)

    def _conversations(self, unit: Unit, event: events.Unit) -> list[tuple[Message, ...]]:
        written = self._order.starter.get(unit.id)
        # More than was ordered would upset the even spread over slots; the text keeps the rest.
        return [written] if written else conversations(event.text)[: unit.count]


def _example_id(unit_id: str, number: int) -> str:
    return hashlib.sha256(f"{unit_id}\0{number}".encode()).hexdigest()[:32]
