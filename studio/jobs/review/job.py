"""The review job: a named policy decides on all examples that match, in one undoable act."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Literal

from pydantic import BaseModel, ConfigDict

from store.database import Store
from store.live import AsyncStore
from store.models import Example, Status, new_id
from studio.config.errors import ConfigError
from studio.config.persona import load_persona
from studio.config.recipes import Recipe, load_recipes
from studio.jobs.events import Event, Finished, Progress, Stage
from studio.jobs.generate.check import faults, shape_faults
from studio.jobs.review.decisions import decide
from studio.workspace import Workspace

Policy = Literal["passes-its-recipe", "all"]
_BATCH = 100


class Spec(BaseModel):
    """What is decided, and on which examples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["accept", "reject", "flag", "reset"] = "accept"
    policy: Policy = "passes-its-recipe"
    """`passes-its-recipe` takes what has the turns and languages that its recipe asks for and is no near-duplicate;
    `all` takes everything that matches."""
    status: Status = Status.PENDING
    category: str | None = None
    recipe: str | None = None
    reason: str | None = None
    dry_run: bool = False
    """Count, and change nothing."""


async def run(spec: Spec, workspace: Workspace, store: AsyncStore) -> AsyncIterator[Event]:
    """Decide on every example that matches; the decisions share a batch id, so that one undo takes all back.

    Raises:
        ConfigError: a recipe or the persona is damaged.
    """
    recipes = load_recipes(workspace.recipes)
    if recipes.problems:
        raise ConfigError(*recipes.problems)
    persona = load_persona(workspace.persona_file)
    phrases = persona.phrases
    by_name = {recipe.name: recipe for recipe in recipes.items}

    who = f"policy: {spec.action} {'what ' if spec.policy != 'all' else ''}{spec.policy.replace('-', ' ')}"
    yield Stage(name="review", state="running", detail=who)
    ids = await store.run(lambda database: _matching(database, spec))
    reasons: Counter[str] = Counter()
    decided = 0
    batch_id = new_id()
    for start in range(0, len(ids), _BATCH):
        part = ids[start : start + _BATCH]
        examples = await store.run(partial(_read, ids=part))
        # Judged outside the store's thread: languages take milliseconds a turn, and screens wait for the store.
        judged = await asyncio.to_thread(_judge, examples, spec, by_name, phrases)
        good = [example for example, faults_found in judged if not faults_found]
        for _, faults_found in judged:
            reasons.update(faults_found)
        if spec.dry_run:
            decided += len(good)
        else:
            decided += await store.write(
                partial(_decide, examples=good, spec=spec, who=who, batch_id=batch_id)
            )
        yield Progress(done=min(start + _BATCH, len(ids)), total=len(ids), unit="examples", label=who)

    verb = "would be decided" if spec.dry_run else "decided"
    summary = f"{decided} of {len(ids)} examples {verb} ({who})"
    yield Stage(name="review", state="done", detail=summary)
    yield Finished(
        summary=summary,
        result={
            "decided": decided,
            "left": len(ids) - decided,
            "policy": who,
            "batch_id": batch_id,
            "left_because": dict(reasons.most_common(20)),
        },
    )


def _matching(database: Store, spec: Spec) -> list[str]:
    equal = {"status": spec.status, "category": spec.category, "recipe": spec.recipe}
    return database.examples.ids(**{key: value for key, value in equal.items() if value is not None})


def _read(database: Store, ids: Sequence[str]) -> list[Example]:
    return [example for key in ids if (example := database.examples.get(key)) is not None]


def _judge(
    examples: Sequence[Example], spec: Spec, recipes: dict[str, Recipe], phrases: tuple[str, ...]
) -> list[tuple[Example, tuple[str, ...]]]:
    """Return each example with what speaks against deciding on it."""
    return [(e, () if spec.policy == "all" else _against(e, recipes, phrases)) for e in examples]


def _decide(database: Store, examples: Sequence[Example], spec: Spec, *, who: str, batch_id: str) -> int:
    """Decide on those that are still what was judged: somebody may have decided on one, or edited it, since."""
    decided = []
    for judged in examples:
        current = database.examples.get(judged.id)
        if current is None or current.status != spec.status or current.messages != judged.messages:
            continue
        decided.append(decide(current, spec.action, who, reason=spec.reason, batch_id=batch_id))
    database.examples.put_many(decided)
    return len(decided)


def _against(example: Example, recipes: dict[str, Recipe], phrases: tuple[str, ...]) -> tuple[str, ...]:
    if example.signals.near_duplicate_of and not example.signals.near_duplicate_allowed:
        return ("near-duplicate",)
    recipe = recipes.get(example.recipe or "")
    if recipe is None:
        return shape_faults(example.messages)
    return faults(example.messages, recipe, recipe.slot(example.slot or ""), phrases)
