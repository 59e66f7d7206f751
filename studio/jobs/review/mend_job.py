"""The mend job: one note to the teacher for many examples, each answer kept as it comes, all of them one act."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from pydantic import BaseModel, ConfigDict, Field

from store.database import Store
from store.live import AsyncStore
from store.models import Example, JobRecord, new_id
from studio.config.persona import load_persona
from studio.jobs.events import Event, Finished, Log, Progress, Stage
from studio.jobs.generate.order import Spec as Teacher
from studio.jobs.generate.teachers.faults import AttemptError
from studio.jobs.review.decisions import edit
from studio.jobs.review.mend import Mender, MendError, Proposal
from studio.jobs.signals.checks import measure_again
from studio.jobs.signals.ruler import read_ruler
from studio.workspace import Workspace


class Spec(BaseModel):
    """What to mend, how, and by whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: tuple[str, ...]
    note: str = Field(min_length=1)
    teacher: Teacher
    limit_usd: float | None = Field(default=None, ge=0)
    """Never passed, with what is in flight counted at its worst case; None for no limit."""
    concurrency: int = Field(default=4, ge=1, le=16)


async def run(spec: Spec, workspace: Workspace, store: AsyncStore) -> AsyncIterator[Event]:
    """Yield the progress; the edits share a batch id, so that one undo takes all back.

    Raises:
        ConfigError: `persona.toml` is damaged.
        JobError: the teacher's server refuses for good; what came before is kept.
    """
    ruler = await asyncio.to_thread(read_ruler, workspace)
    mender = Mender(spec.teacher, load_persona(workspace.persona_file))
    yield Stage(name="mend", state="running", detail=f"{len(spec.ids)} examples: {spec.note}")
    batch, record_id = new_id(), new_id()
    spent, mended, done, at_most = 0.0, 0, 0, 0.0
    waiting = list(reversed(spec.ids))
    running: dict[asyncio.Task[Proposal], tuple[Example, float]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < spec.concurrency:
                example = await store.run(partial(_get, key=waiting.pop()))
                if example is None:
                    done += 1
                    continue
                most = mender.most_usd(example, spec.note) or 0.0
                if spec.limit_usd is not None and spent + at_most + most > spec.limit_usd + 1e-9:
                    yield Log(
                        level="warning",
                        text=f"{len(waiting) + 1} are left: ${spec.limit_usd:.2f} is the limit.",
                    )
                    waiting.clear()
                    break
                at_most += most
                running[asyncio.create_task(mender.propose(example, spec.note))] = (example, most)
            if not running:
                break
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                example, most = running.pop(task)
                at_most -= most
                done += 1
                try:
                    proposal = task.result()
                    near = await store.run(partial(_get, key=example.signals.near_duplicate_of or ""))
                    after = edit(
                        example,
                        proposal.messages,
                        proposal.who,
                        action="mend",
                        reason=spec.note,
                        batch_id=batch,
                    )
                    signals = await asyncio.to_thread(measure_again, after, near, ruler)
                    spent += proposal.cost_usd or 0.0
                    after = after.model_copy(update={"signals": signals})
                    mended += await store.write(partial(_keep, before=example, after=after))
                except (MendError, AttemptError, ValueError) as error:
                    # It may have been billed: so it counts at its worst case.
                    spent += most
                    yield Log(level="warning", text=f"{example.id[:8]} is as it was: {error}.")
                await store.write(partial(_spent, record_id=record_id, usd=spent, number=mended))
                yield Progress(done=done, total=len(spec.ids), unit="examples", label="mend", spent_usd=spent)
    finally:
        for task in running:
            task.cancel()
        await mender.close()
    summary = f"{mended} of {len(spec.ids)} examples mended"
    yield Stage(name="mend", state="done", detail=summary)
    yield Finished(summary=summary, result={"mended": mended, "spent_usd": spent, "batch_id": batch})


def _get(database: Store, *, key: str) -> Example | None:
    return database.examples.get(key)


def _keep(database: Store, *, before: Example, after: Example) -> int:
    """Keep an edit where the example is still what the teacher was shown."""
    current = database.examples.get(before.id)
    if current != before:
        return 0
    database.examples.put(after)
    return 1


def _spent(database: Store, *, record_id: str, usd: float, number: int) -> None:
    """Note what it costs where all money is summed up."""
    if usd:
        database.jobs.put(
            JobRecord(
                id=record_id,
                kind="mend",
                folder="",
                title=f"Mend {number} examples",
                state="done",
                spent_usd=usd,
            )
        )
