"""The signals job: measures the examples that have not been measured yet, and groups near-duplicates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial

from pydantic import BaseModel, ConfigDict

from store.database import Store
from store.live import AsyncStore
from store.models import Example, Message, Signals, Status
from studio.jobs.events import Event, Finished, Progress
from studio.jobs.signals.checks import measure
from studio.jobs.signals.duplicates import DuplicateIndex, Neighbour, words_of
from studio.jobs.signals.groups import groups
from studio.jobs.signals.keep import keep_signals
from studio.jobs.signals.ruler import Ruler, read_ruler
from studio.workspace import Workspace

_BATCH = 64

Measured = dict[str, tuple[tuple[Message, ...], Signals]]
"""What was measured by id, with the messages that it is true of."""


class Spec(BaseModel):
    """Which examples to measure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    again: bool = False
    """Measure all, not only those without signals."""


async def run(spec: Spec, workspace: Workspace, store: AsyncStore) -> AsyncIterator[Event]:
    """Measure languages, length, flags and near-duplicates; an example's status is never touched.

    Raises:
        ConfigError: `persona.toml` is damaged.
    """
    examples = sorted(
        await store.run(lambda database: database.examples.find()), key=lambda e: (e.created_at, e.id)
    )
    ruler = await asyncio.to_thread(read_ruler, workspace, examples)
    threshold = ruler.thresholds.near_duplicate
    neighbours = await asyncio.to_thread(_neighbours, examples, threshold)
    links = {key: [neighbour.id for neighbour in found] for key, found in neighbours.items()}
    new_groups = await asyncio.to_thread(groups, examples, links)
    todo = [e for e in examples if spec.again or e.signals.words is None or _moved(e, neighbours)]
    done = 0
    for start in range(0, len(todo), _BATCH):
        batch = todo[start : start + _BATCH]
        measured = await asyncio.to_thread(_measure_all, batch, neighbours, ruler)
        await store.write(partial(_apply, measured=measured))
        done += len(batch)
        yield Progress(done=done, total=len(todo), unit="examples", label="signals")
    moved = [e.id for e in examples if e.group != new_groups[e.id]]
    for start in range(0, len(moved), _BATCH):
        part = {key: new_groups[key] for key in moved[start : start + _BATCH]}
        await store.write(partial(_group, part=part))
    found = sum(1 for e in todo if neighbours.get(e.id))
    yield Finished(
        summary=f"{len(todo)} examples measured, {found} near-duplicates",
        result={"measured": len(todo), "near_duplicates": found},
    )


def _moved(example: Example, neighbours: Mapping[str, tuple[Neighbour, ...]]) -> bool:
    """Say whether the nearest example is another one now, as an edit of either makes it."""
    nearest = next(iter(neighbours.get(example.id, ())), None)
    return example.signals.near_duplicate_of != (nearest.id if nearest else None)


def _neighbours(examples: Sequence[Example], threshold: float) -> dict[str, tuple[Neighbour, ...]]:
    index = DuplicateIndex(threshold)
    return {
        example.id: index.add(example.id, words_of(example.messages))
        for example in examples
        # What repeats only a rejected example repeats nothing that is kept.
        if example.status != Status.REJECTED
    }


def _measure_all(
    examples: Sequence[Example], neighbours: Mapping[str, tuple[Neighbour, ...]], ruler: Ruler
) -> Measured:
    return {e.id: (e.messages, _measure(e, neighbours.get(e.id, ()), ruler)) for e in examples}


def _measure(example: Example, neighbours: tuple[Neighbour, ...], ruler: Ruler) -> Signals:
    nearest = neighbours[0] if neighbours else None
    return measure(example, ruler).model_copy(
        update={
            "near_duplicate_of": nearest.id if nearest else None,
            "near_duplicate_similarity": nearest.similarity if nearest else None,
        }
    )


def _apply(database: Store, measured: Measured) -> None:
    for key, (messages, signals) in measured.items():
        keep_signals(database, key, messages, signals)


def _group(database: Store, part: dict[str, str]) -> None:
    for key, group in part.items():
        current = database.examples.get(key)
        # A run that has begun meanwhile has frozen the split that goes with the old group.
        if current is not None and (current.frozen_by is None or current.group is None):
            database.examples.put(current.model_copy(update={"group": group}))
