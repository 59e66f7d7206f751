"""The whole chain, a step at a time: what has been done, what comes next, and how the next step is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from store.database import Store
from store.live import AsyncStore
from store.models import Checkpoint, Deployment, JobRecord, Status, TrainingRun
from studio.jobs.checkpoints import best_checkpoint
from studio.workspace import Workspace

StepName = Literal["collect", "generate", "review", "train", "validate", "deploy", "chat"]
STEPS: tuple[StepName, ...] = ("collect", "generate", "review", "train", "validate", "deploy", "chat")
GREETING = "Merhaba JESSY!"
"""What the first chat turn says: the plan's own first test."""

_UNFINISHED = {"killed", "failed", "stopped"}
_UNDER_WAY = {"queued", "running", "paused"}


@dataclass(frozen=True)
class Step:
    """What can be done next."""

    name: StepName
    sentence: str
    """For people: what the step does with what is there now."""
    screen: str
    """The screen on which it is seen."""
    job_id: str | None = None
    """A job of this step that runs already, or that was interrupted and goes on."""
    running: bool = False
    """True while `job_id` is under way: it is followed, not started."""


class Picture(BaseModel):
    """What the store says about the chain."""

    sources: int
    examples: int
    generated: bool
    pending: int
    accepted: int
    run: TrainingRun | None
    """The newest training run that has a checkpoint."""
    checkpoint: Checkpoint | None
    """Its best one."""
    scored: bool
    deployment: Deployment | None
    """The current deployment of that run."""
    chats: int
    jobs: dict[str, JobRecord]
    """The newest job of each kind."""


async def picture(store: AsyncStore) -> Picture:
    """Read what the chain needs to know."""
    return await store.run(_picture)


async def next_step(workspace: Workspace, store: AsyncStore) -> Step | None:
    """Return the step that the work is at, or None where the chain has been gone through once.

    Where the next step is to deploy and no Ollama server answers, it is passed over: chat works without one.
    """
    now = await picture(store)
    step = step_of(now)
    if step is None or step.name != "deploy" or step.running or await ollama_answers(workspace):
        return step
    return step_of(now, leave_out=frozenset({"deploy"}))


async def ollama_answers(workspace: Workspace) -> bool:
    """Say whether an Ollama server answers where the settings and OLLAMA_HOST point to."""
    del workspace
    from studio.lm.ollama import find_server

    return await find_server() is not None


def step_of(now: Picture, leave_out: frozenset[StepName] = frozenset()) -> Step | None:
    """Return the first step that is neither done nor left out."""
    for name in STEPS:
        if name not in leave_out and not _done(name, now):
            job = now.jobs.get(name)
            interrupted = job is not None and job.state in _UNFINISHED
            running = job is not None and job.state in _UNDER_WAY
            return Step(
                name=name,
                sentence=_sentence(name, now, job if interrupted or running else None),
                screen=_SCREENS[name],
                job_id=job.id if job is not None and (interrupted or running) else None,
                running=running,
            )
    return None


_SCREENS: dict[StepName, str] = {
    "collect": "generate",
    "generate": "generate",
    "review": "review",
    "train": "train",
    "validate": "validate",
    "deploy": "deploy",
    "chat": "chat",
}


_DONE: dict[StepName, Callable[[Picture], bool]] = {
    # Who brought examples from elsewhere has nothing to collect.
    "collect": lambda now: now.sources > 0 or now.examples > 0,
    "generate": lambda now: now.generated,
    "review": lambda now: now.accepted > 0,
    "train": lambda now: now.checkpoint is not None and not _interrupted(now.jobs.get("train")),
    "validate": lambda now: now.scored,
    "deploy": lambda now: now.deployment is not None,
    "chat": lambda now: now.chats > 0,
}

_SENTENCES: dict[StepName, Callable[[Picture], str]] = {
    "collect": lambda _: "collect the files that data/sources.toml names",
    "generate": lambda _: "generate examples by the recipes in data/recipes",
    "review": lambda now: f"review {now.pending:,} new examples",
    "train": lambda now: f"train on {now.accepted:,} accepted examples",
    "validate": lambda now: f"validate {now.run.name if now.run else 'the run'} against its base",
    "deploy": lambda now: f"deploy {now.run.name if now.run else 'the run'} to Ollama",
    "chat": lambda _: f'say "{GREETING}"',
}


def _done(name: StepName, now: Picture) -> bool:
    job = now.jobs.get(name)
    return not (job is not None and job.state in _UNDER_WAY) and _DONE[name](now)


def _sentence(name: StepName, now: Picture, job: JobRecord | None) -> str:
    if job is None:
        return _SENTENCES[name](now)
    if job.state in _UNDER_WAY:
        return f"{name} is running"
    reached = f" at {job.done:,} of {job.total:,} {job.unit}" if job.total else ""
    return f"resume {name}, which was {job.state}{reached}"


def _picture(database: Store) -> Picture:
    counts = database.counts
    run, checkpoint = best_checkpoint(database)
    jobs: dict[str, JobRecord] = {}
    for record in sorted(database.jobs.find(), key=lambda record: record.created_at):
        jobs[record.kind] = record
    scored = run is not None and any(card.run_id == run.id for card in database.scorecards)
    deployments = [d for d in database.deployments if run is not None and d.run_id == run.id and d.current]
    return Picture(
        sources=len(database.sources),
        examples=counts.total,
        generated=len(database.generation_runs) > 0 and not _interrupted(jobs.get("generate")),
        pending=counts.by_status.get(Status.PENDING, 0),
        accepted=counts.by_status.get(Status.ACCEPTED, 0),
        run=run,
        checkpoint=checkpoint,
        scored=scored,
        deployment=deployments[0] if deployments else None,
        chats=len(database.chat_sessions),
        jobs=jobs,
    )


def _interrupted(job: JobRecord | None) -> bool:
    return job is not None and job.state in _UNFINISHED
