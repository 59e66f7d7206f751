"""The mend job: one note to the teacher for many examples, each answer kept as it comes, all of them one act."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

from pydantic import BaseModel, ConfigDict, Field

from store.database import Store
from store.live import AsyncStore
from store.models import Example, new_id
from studio.config.persona import load_persona
from studio.jobs.bill import Bill
from studio.jobs.events import Event, Finished, Log, Stage
from studio.jobs.generate.order import Spec as Teacher
from studio.jobs.generate.pricing import Prices
from studio.jobs.review.asking import Asker
from studio.jobs.review.budgeted import Budgeted
from studio.jobs.review.decisions import edit
from studio.jobs.review.mend import Mender
from studio.jobs.signals.checks import measure_again
from studio.jobs.signals.ruler import Ruler, read_ruler
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
        ConfigError: `persona.toml` or `prices.toml` is damaged.
        JobError: the teacher's server refuses for good; what came before is kept.
    """
    ruler = await asyncio.to_thread(read_ruler, workspace)
    asker = Asker(spec.teacher, Prices.of(workspace))
    mender = Mender(asker, load_persona(workspace.persona_file))
    yield Stage(name="mend", state="running", detail=f"{len(spec.ids)} examples: {spec.note}")
    batch, mended = new_id(), 0
    round_ = Budgeted(
        store=store,
        ids=spec.ids,
        ask=lambda example: mender.propose(example, spec.note),
        most_usd=lambda example: mender.most_usd(example, spec.note),
        limit_usd=spec.limit_usd,
        concurrency=spec.concurrency,
    )
    bill = Bill("mend", f"Mend {len(spec.ids)} examples")
    try:
        async with aclosing(round_.answers()) as answers:
            async for answered in answers:
                example, fault = answered.example, answered.fault
                await store.write(partial(bill.note, usd=round_.spent_usd))
                if answered.answer is not None:
                    proposal = answered.answer
                    try:
                        after = edit(
                            example,
                            proposal.messages,
                            proposal.who,
                            action="mend",
                            reason=spec.note,
                            batch_id=batch,
                        )
                        after = await _measured(after, example.signals.near_duplicate_of, store, ruler)
                        mended += await store.write(partial(_keep, before=example, after=after))
                    except ValueError as error:
                        fault = str(error)
                if fault:
                    yield Log(level="warning", text=f"{example.id[:8]} is as it was: {fault}.")
                yield round_.progress("mend")
    finally:
        await asker.close()
    for event in round_.left_out():
        yield event
    summary = f"{mended} of {len(spec.ids)} examples mended"
    yield Stage(name="mend", state="done", detail=summary)
    result = {"mended": mended, "spent_usd": round_.spent_usd, "batch_id": batch}
    yield Finished(summary=summary, result=result)


async def _measured(example: Example, near_id: str | None, store: AsyncStore, ruler: Ruler) -> Example:
    """Return the example with what is measured about its new words."""
    near = await store.run(lambda database: database.examples.get(near_id)) if near_id else None
    signals = await asyncio.to_thread(measure_again, example, near, ruler)
    return example.model_copy(update={"signals": signals})


def _keep(database: Store, *, before: Example, after: Example) -> int:
    """Keep an edit where the example is still what the teacher was shown."""
    current = database.examples.get(before.id)
    if current != before:
        return 0
    database.examples.put(after)
    return 1
