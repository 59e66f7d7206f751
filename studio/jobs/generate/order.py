"""What a generation job was asked for, written into its folder before it starts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from store.database import Store
from store.models import Message, SourceDocument, Status
from studio.config.persona import Persona
from studio.config.recipes import Recipe
from studio.config.starter import StarterExample
from studio.jobs.generate.units import Unit, plan
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
    count: int | None = Field(default=None, ge=1)
    """Examples of each recipe in all, those that are there included; None takes the recipe's target."""
    budget_usd: float | None = Field(default=None, gt=0)
    """Never passed, with what is in flight counted at its worst case."""
    max_tokens: int = Field(default=8192, ge=256)
    """Output tokens of one request at most, thinking included."""
    concurrency: int = Field(default=4, ge=1, le=64)
    backoff_seconds: float = Field(default=1.0, gt=0, le=60)
    """The wait after a first fault of the server, at most; it doubles with each further one, up to a minute."""


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
) -> Order:
    """Plan the units from what is wanted less what the store has; rejected examples do not count.

    With a teacher that is `remote`, what was collected as `local_only` stays out of the prompts.
    """
    have: Counter[tuple[str, str]] = Counter()
    asked: defaultdict[str, list[str]] = defaultdict(list)
    known_units: set[str] = set()
    collected: Counter[str] = Counter()
    for example in database.examples:
        if example.provenance.unit_id:
            known_units.add(example.provenance.unit_id)
        if example.recipe and example.slot and example.status != Status.REJECTED:
            have[example.recipe, example.slot] += 1
            asked[f"{example.recipe}/{example.slot}"].append(example.messages[0].content)
        elif example.provenance.teacher == "import" and example.status != Status.REJECTED:
            collected[example.category] += 1

    def wanted(recipe: Recipe) -> int:
        return spec.count or recipe.wanted(collected[recipe.category])

    rows: dict[str, tuple[Message, ...]] = {}
    if spec.teacher == "offline":
        units = []
        for unit, messages in _offline(wanted, recipes, starter, have, known_units):
            units.append(unit)
            rows[unit.id] = messages
    else:
        units = list(plan(recipes, wanted, have, _sources(database, remote=remote), order_id))
    return Order(
        persona_name=persona.name,
        phrases=persona.phrases,
        glossary="\n".join(f"{entry.term}: {entry.meaning.strip()}" for entry in persona.glossary),
        recipes=tuple(recipes),
        starter=rows,
        asked={key: tuple(questions[-ASKED_PER_SLOT:]) for key, questions in asked.items()},
        units=tuple(units),
    )


def _offline(
    wanted: Callable[[Recipe], int],
    recipes: Sequence[Recipe],
    starter: Iterable[StarterExample],
    have: Counter[tuple[str, str]],
    known_units: set[str],
) -> Iterator[tuple[Unit, tuple[Message, ...]]]:
    """Yield a unit for each hand-written example that is wanted and not in the store yet."""
    by_name = {recipe.name: recipe for recipe in recipes}
    taken: Counter[str] = Counter()
    for (name, _slot), number in have.items():
        taken[name] += number
    for row in starter:
        recipe = by_name.get(row.recipe)
        unit_id = f"offline-{row.id}"
        if recipe is None or unit_id in known_units or taken[row.recipe] >= wanted(recipe):
            continue
        taken[row.recipe] += 1
        messages = tuple(Message(role=turn.role, content=turn.content) for turn in row.messages)
        yield Unit(id=unit_id, recipe=row.recipe, slot=row.slot, count=1, language=""), messages


def _sources(database: Store, *, remote: bool) -> list[SourceDocument]:
    # What a source calls local_only never leaves the machine.
    documents = [s for s in database.sources if not (remote and s.local_only)]
    return sorted(documents, key=lambda s: (s.path, s.lines))
