"""The rehearsal of a long job: documents at an uneven pace. It calls no model and its documents mean nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator

from pydantic import BaseModel, ConfigDict, Field

from store.models import Example, Message, Provenance
from studio.jobs.events import Event, Finished, JobError, Progress, Saved
from studio.jobs.process.context import JobContext
from studio.workspace import Workspace

_PROGRESS_EVERY = 25


class Spec(BaseModel):
    """How much to rehearse, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: int = Field(default=20_000, ge=0)
    """Examples to yield."""
    seed: int = 0
    """Of the pace and the lengths."""
    pause_seconds: float = Field(default=0.0, ge=0)
    """Mean of the waits; most documents come at once, a few after long ones, as from a server."""
    words: int = Field(default=60, ge=1)
    """Mean length of a reply."""
    fail_at: int | None = None
    """Fail before this document, counted from 0, to rehearse that too."""
    memory_bytes: int = Field(default=0, ge=0)
    """Memory that it claims to need, to rehearse the queue; it takes none."""


def title(spec: Spec) -> str:
    """Name the job for people."""
    return f"Rehearsal of {spec.documents:,} documents"


def need_bytes(spec: Spec, workspace: Workspace) -> int:
    """Return the memory to claim: with 0 it runs beside everything else."""
    return spec.memory_bytes


async def run(spec: Spec, job: JobContext) -> AsyncGenerator[Event, None]:
    """Yield `spec.documents` examples; a resumed job yields those that its earlier events lack.

    Raises:
        JobError: at `fail_at`, when the job has not failed there before.
    """
    done = {
        item.event.document["id"]
        for item in job.previous()
        if isinstance(item.event, Saved) and item.event.table == "examples"
    }
    kept = len(done)
    for index in range(spec.documents):
        if document_id(job.id, index) in done:
            continue
        async for event in job.control.hold():
            yield event
        if job.control.stopping:
            yield _finished("stopped", spec, kept)
            return
        if index == spec.fail_at and not job.resumed:
            raise JobError(
                f"the rehearsal fails at document {index}, as it was told to",
                kept=f"{kept} documents",
                to_do="Resume it.",
            )
        await _wait(spec, index)
        yield Saved(table="examples", document=document(spec, job.id, index).model_dump(mode="json"))
        kept += 1
        if kept % _PROGRESS_EVERY == 0:
            yield Progress(done=kept, total=spec.documents, unit="examples", spent_usd=0.0)
    yield Progress(done=kept, total=spec.documents, unit="examples", spent_usd=0.0)
    yield _finished("done", spec, kept)


def document_id(job_id: str, index: int) -> str:
    """Return the id of a document, the same in every run of the job."""
    return f"{job_id}-{index:06d}"


def document(spec: Spec, job_id: str, index: int) -> Example:
    """Return a document of the job; it depends on the spec, the job and the index alone."""
    pace = random.Random(f"{spec.seed}:{index}")  # noqa: S311 - a rehearsal, not a secret
    reply = " ".join(f"word{pace.randrange(5000)}" for _ in range(pace.randint(1, 2 * spec.words - 1)))
    return Example(
        id=document_id(job_id, index),
        messages=(
            Message(role="user", content=f"Rehearsal question {index}"),
            Message(role="assistant", content=reply),
        ),
        category="rehearsal",
        recipe="rehearsal",
        provenance=Provenance(teacher="rehearsal", job_id=job_id, unit_id=str(index)),
    )


def _finished(state: str, spec: Spec, kept: int) -> Finished:
    return Finished(
        state="done" if state == "done" else "stopped",
        summary=f"{kept:,} of {spec.documents:,} documents",
        result={"documents": kept},
    )


async def _wait(spec: Spec, index: int) -> None:
    """Wait for nothing nine times of ten, and ten times the mean the tenth time."""
    pace = random.Random(f"pace {spec.seed}:{index}")  # noqa: S311
    if spec.pause_seconds and pace.random() < 0.1:
        await asyncio.sleep(pace.expovariate(1 / (10 * spec.pause_seconds)))
