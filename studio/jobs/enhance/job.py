"""The enhance job: new versions of many examples as one act, which one undo takes back; or a preview of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from functools import partial

from pydantic import BaseModel, ConfigDict, Field

from store.database import Store
from store.live import AsyncStore
from store.models import Example, Status, new_id
from studio.config.persona import load_persona
from studio.jobs.enhance.diff import changed_lines
from studio.jobs.enhance.enhancer import Enhanced, author, enhance_all
from studio.jobs.enhance.kit import Kit
from studio.jobs.events import Event, Finished, Log, Progress, Stage
from studio.jobs.review.versions import enhance as new_version
from studio.workspace import Workspace

_BATCH = 64


class Spec(BaseModel):
    """Which examples to enhance, and by which dice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 1
    """The same seed gives an example the same words; another one gives others."""
    status: Status | None = None
    """Only examples with this status; rejected ones are never enhanced."""
    category: str | None = None
    recipe: str | None = None
    limit: int | None = Field(default=None, ge=1)
    """At most so many new versions; None for all."""
    dry_run: bool = False
    """Show what would change, and change nothing."""
    show: int = Field(default=5, ge=0)
    """Of a dry run: so many examples are shown as a diff."""


async def run(spec: Spec, workspace: Workspace, store: AsyncStore) -> AsyncIterator[Event]:
    """Enhance every example that matches and lacks something; the new versions are pending and share a batch id.

    Raises:
        ConfigError: `persona.toml` is damaged.
    """
    kit = Kit(await asyncio.to_thread(load_persona, workspace.persona_file))
    who = author(spec.seed)
    yield Stage(name="enhance", state="running", detail=who)
    ids = await store.run(partial(_matching, spec=spec))
    batch_id = new_id()
    kinds: Counter[str] = Counter()
    made = 0
    shown: list[Enhanced] = []
    for start in range(0, len(ids), _BATCH):
        examples = await store.run(partial(_read, ids=ids[start : start + _BATCH]))
        # Outside of the store's thread: languages take milliseconds a reply, and screens wait for the store.
        versions = await asyncio.to_thread(enhance_all, examples, kit, spec.seed)
        if spec.limit is not None:
            versions = versions[: spec.limit - made]
        if spec.dry_run:
            for version in versions[: spec.show - len(shown)]:
                shown.append(version)
                yield Log(text=_described(version))
        else:
            versions = await store.write(partial(_keep, versions=versions, who=who, batch_id=batch_id))
        made += len(versions)
        kinds.update(change.kind for version in versions for change in version.changes)
        yield Progress(done=min(start + _BATCH, len(ids)), total=len(ids), unit="examples", label=who)
        if spec.limit is not None and made >= spec.limit:
            break
    verb = "would be enhanced" if spec.dry_run else "enhanced, pending"
    parts = ", ".join(
        f"{number:,} {kind}{'' if number == 1 else 's'}" for kind, number in sorted(kinds.items())
    )
    summary = f"{made:,} of {len(ids):,} examples {verb}" + (f": {parts}" if parts else "")
    yield Stage(name="enhance", state="done", detail=summary)
    yield Finished(
        summary=summary,
        result={
            "enhanced": made,
            "left": len(ids) - made,
            "additions": dict(kinds),
            "seed": spec.seed,
            "batch_id": None if spec.dry_run else batch_id,
            "shown": [
                {"id": version.example.id, "changes": [asdict(change) for change in version.changes]}
                for version in shown
            ],
        },
    )


def _matching(database: Store, spec: Spec) -> list[str]:
    equal = {"status": spec.status, "category": spec.category, "recipe": spec.recipe}
    return database.examples.ids(**{key: value for key, value in equal.items() if value is not None})


def _read(database: Store, ids: Sequence[str]) -> list[Example]:
    return [example for key in ids if (example := database.examples.get(key)) is not None]


def _keep(database: Store, *, versions: Sequence[Enhanced], who: str, batch_id: str) -> list[Enhanced]:
    """Keep the versions of examples that are still what was enhanced; return these."""
    kept = []
    for version in versions:
        current = database.examples.get(version.example.id)
        if current != version.example:
            continue
        kept.append(version)
        database.examples.put(
            new_version(current, version.messages, who, reason=version.reason, batch_id=batch_id)
        )
    return kept


def _described(version: Enhanced) -> str:
    lines = changed_lines(version.example.messages, version.messages)
    return "\n".join((f"{version.example.category} {version.example.id[:8]}: {version.reason}", *lines))
