"""What a generation job was asked for, written into its folder before it starts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from store.database import Store
from store.models import Example, Message, SourceDocument, Status
from studio.config.persona import Persona
from studio.config.recipes import Recipe, Slot
from studio.config.settings import SignalSettings
from studio.config.starter import StarterExample
from studio.jobs.generate.novelty import Known, known_of
from studio.jobs.generate.units import Unit, missing, plan
from studio.jobs.process.files import write_atomically

ORDER_FILE = "order.json"
ASKED_PER_SLOT = 60
"""So many of a slot's newest questions are told to the teacher, so that it asks others."""


class Spec(BaseModel):
    """What to generate and who writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    teacher: Literal["offline", "anthropic", "ollama"] = "offline"
    model: str | None = None
    """The teacher's model; None takes the default of the teacher. Ollama has none: name an installed one."""
    base_url: str | None = None
    """Of any server that speaks the Messages API; None is the teacher's own."""
    recipes: tuple[str, ...] = ()
    """In the order in which they are generated; empty takes all."""
    categories: tuple[str, ...] = ()
    """Only the recipes of these; empty takes all."""
    slots: tuple[str, ...] = ()
    """Only these, as `recipe/slot`; empty takes all of the chosen recipes."""
    count: int | None = Field(default=None, ge=1)
    """Examples of each recipe in all, those that are there included; None takes the recipe's target."""
    more: int | None = Field(default=None, ge=1)
    """So many examples of each recipe beyond what is there, whatever its target."""
    each: dict[str, int] = Field(default_factory=dict)
    """So many examples of each of these `slots` beyond what is there, whatever their recipe's target."""
    budget_usd: float | None = Field(default=None, gt=0)
    """Never passed, with what is in flight counted at its worst case."""
    max_tokens: int = Field(default=8192, ge=256)
    """Output tokens of one request at most, thinking included."""
    concurrency: int | None = Field(default=None, ge=1, le=256)
    """Requests at a time, at most; None follows the limits that the server states."""
    backoff_seconds: float = Field(default=1.0, gt=0, le=60)
    """The wait after a first fault of the server, at most; it doubles with each further one, up to a minute."""
    patience_seconds: float = Field(default=6 * 3600.0, ge=0)
    """How long a server that answered before may be away, or overloaded, before the job ends."""
    batch: bool = False
    """As Message Batches: half the price, within a day; the job may end meanwhile and collect later."""
    batch_requests: int = Field(default=1_000, ge=1, le=10_000)
    """Requests in one batch, at most."""
    poll_seconds: float = Field(default=10.0, gt=0)
    """How soon a batch is asked whether it is done, at first; the older it is, the more seldom it is asked."""
    poll_most_seconds: float = Field(default=300.0, gt=0)
    """How long it is not asked, at most."""


@dataclass(frozen=True)
class Have:
    """What the workspace has already."""

    examples: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By recipe and slot; rejected ones and near-duplicates do not count."""
    collected: Counter[str] = field(default_factory=Counter)
    """Imported examples by category."""
    asked: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Questions by `recipe/slot`."""
    units: set[str] = field(default_factory=set)
    """Units that are answered."""
    known: list[Known] = field(default_factory=list)
    """All that a new example must not repeat."""


class Order(BaseModel):
    """Everything that the job's process needs of the workspace and the store."""

    model_config = ConfigDict(frozen=True)

    persona_name: str
    phrases: tuple[str, ...]
    glossary: str
    recipes: tuple[Recipe, ...]
    starter: dict[str, tuple[Message, ...]] = Field(default_factory=dict)
    """The offline teacher's conversations by unit id."""
    asked: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """The newest questions of each slot, by `recipe/slot`."""
    have: dict[str, int] = Field(default_factory=dict)
    """Examples that each recipe had when this was planned."""
    previewed_usd: float = 0.0
    """What previews of these recipes cost before, at most; it counts towards the budget."""
    near_duplicate: float = SignalSettings().near_duplicate
    """Estimated similarity, 0..1, from which an example repeats an earlier one."""
    monotony: float = SignalSettings().opening_share
    """Share of replies, 0..1, from which a common opening or closing is told."""
    units: tuple[Unit, ...]

    def recipe(self, name: str) -> Recipe:
        """Return a recipe by its name.

        Raises:
            KeyError: the order has no such recipe.
        """
        for recipe in self.recipes:
            if recipe.name == name:
                return recipe
        raise KeyError(name)

    def asked_of(self, unit: Unit) -> tuple[str, ...]:
        """Return the questions that a unit's slot had when this was planned."""
        return self.asked.get(f"{unit.recipe}/{unit.slot}", ())

    def save(self, folder: Path) -> None:
        """Write the order into the job's folder, for its owner only: it holds collected text."""
        write_atomically(folder / ORDER_FILE, self.model_dump_json().encode())

    @classmethod
    def load(cls, folder: Path) -> Order:
        """Read the order of a job's folder."""
        return cls.model_validate_json((folder / ORDER_FILE).read_bytes())


def make_order(
    spec: Spec,
    persona: Persona,
    recipes: Sequence[Recipe],
    starter: Iterable[StarterExample],
    *,
    database: Store,
    order_id: str,
    remote: bool = True,
    thresholds: SignalSettings | None = None,
) -> tuple[Order, list[Known]]:
    """Plan the units from what is wanted less what the store has; return them with what must not be repeated.

    With a teacher that is `remote`, what was collected as `local_only` stays out of the prompts.
    """
    have = take_stock(database)
    thresholds = thresholds or SignalSettings()

    def wanted(recipe: Recipe) -> int:
        return spec.count or recipe.wanted(have.collected[recipe.category])

    def chosen(recipe: Recipe, slot: Slot) -> bool:
        return not spec.slots or f"{recipe.name}/{slot.id}" in spec.slots

    lacking = missing(recipes, wanted, have.examples, chosen=chosen, more=spec.more, each=spec.each)
    rows: dict[str, tuple[Message, ...]] = {}
    if spec.teacher == "offline":
        units = []
        for unit, messages in _offline(wanted, recipes, starter, have, spec):
            units.append(unit)
            rows[unit.id] = messages
    else:
        units = list(plan(recipes, lacking, _sources(database, remote=remote), order_id))
    order = Order(
        persona_name=persona.name,
        phrases=persona.phrases,
        glossary="\n".join(f"{entry.term}: {entry.meaning.strip()}" for entry in persona.glossary),
        recipes=tuple(_asked_of(spec, recipe) for recipe in recipes),
        starter=rows,
        asked={key: tuple(questions[-ASKED_PER_SLOT:]) for key, questions in have.asked.items()},
        have=_by_recipe(have.examples),
        near_duplicate=thresholds.near_duplicate,
        monotony=thresholds.opening_share,
        units=tuple(units),
    )
    return order, have.known


def take_stock(database: Store) -> Have:
    """Return what the store has, read once."""
    have = Have()
    for example in sorted(database.examples, key=lambda e: (e.created_at, e.id)):
        if example.provenance.unit_id:
            have.units.add(example.provenance.unit_id)
        if example.status == Status.REJECTED:
            continue
        have.known.append(known_of(example))
        if counts(example):
            if example.recipe and example.slot:
                have.examples[example.recipe, example.slot] += 1
            elif example.provenance.teacher == "import":
                have.collected[example.category] += 1
        if example.recipe and example.slot and example.messages:
            have.asked[f"{example.recipe}/{example.slot}"].append(example.messages[0].content)
    return have


def _by_recipe(examples: Counter[tuple[str, str]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (recipe, _), number in examples.items():
        found[recipe] += number
    return dict(found)


def counts(example: Example) -> bool:
    """Say whether an example counts towards a target: neither rejected nor a near-duplicate that nobody allowed."""
    signals = example.signals
    repeats = signals.near_duplicate_of is not None and not signals.near_duplicate_allowed
    return example.status != Status.REJECTED and not repeats


def _asked_of(spec: Spec, recipe: Recipe) -> Recipe:
    """A model that the person named, and one of another server, goes before the recipe's own."""
    if recipe.teacher.model is None or (spec.teacher == "anthropic" and spec.model is None):
        return recipe
    return recipe.model_copy(update={"teacher": recipe.teacher.model_copy(update={"model": None})})


def _offline(
    wanted: Callable[[Recipe], int],
    recipes: Sequence[Recipe],
    starter: Iterable[StarterExample],
    have: Have,
    spec: Spec,
) -> Iterator[tuple[Unit, tuple[Message, ...]]]:
    """Yield a unit for each hand-written example that is wanted and not in the store yet."""
    by_name = {recipe.name: recipe for recipe in recipes}
    taken: Counter[str] = Counter()
    for (name, _slot), number in have.examples.items():
        taken[name] += number
    before, given = Counter(taken), Counter[str]()
    for row in starter:
        recipe = by_name.get(row.recipe)
        unit_id = f"offline-{row.id}"
        if recipe is None or unit_id in have.units:
            continue
        place = f"{row.recipe}/{row.slot}"
        if spec.each:
            full = given[place] >= spec.each.get(place, 0)
        else:
            full = taken[row.recipe] >= (
                wanted(recipe) if spec.more is None else before[row.recipe] + spec.more
            )
        if full or (spec.slots and place not in spec.slots):
            continue
        taken[row.recipe] += 1
        given[place] += 1
        messages = tuple(Message(role=turn.role, content=turn.content) for turn in row.messages)
        yield Unit(id=unit_id, recipe=row.recipe, slot=row.slot, count=1, language=""), messages


def _sources(database: Store, *, remote: bool) -> list[SourceDocument]:
    # What a source calls local_only never leaves the machine.
    documents = [s for s in database.sources if not (remote and s.local_only)]
    return sorted(documents, key=lambda s: (s.path, s.lines))
