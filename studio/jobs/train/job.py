"""The training job: what is asked, what is written before it starts, and its stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

from store.live import AsyncStore
from store.models import Status, TrainingRun
from studio.config.persona import load_persona
from studio.jobs.events import Event, JobError, Saved, SplitsFrozen
from studio.jobs.process.context import JobContext
from studio.jobs.process.side import share_cores
from studio.jobs.train.choose import choose
from studio.jobs.train.config import Spec, TrainingConfig
from studio.jobs.train.dataset import About, read_about, write_dataset
from studio.jobs.train.failures import named
from studio.jobs.train.preflight import need_bytes
from studio.workspace import Workspace

__all__ = ["Spec", "TrainingConfig", "need_bytes", "prepare", "run", "title"]


def title(spec: Spec) -> str:
    """Name the job for people."""
    return f"Training run {spec.name}" if spec.name else "Training run"


async def prepare(spec: Spec, workspace: Workspace, store: AsyncStore, folder: Path) -> None:
    """Write the run's own copy of its data into `folder`, so that later edits do not change what it learns.

    Raises:
        ConfigError: persona.toml cannot be used.
        JobError: nothing is accepted, too little for a split, or `from_checkpoint` is none.
        OSError: the disk is full.
    """
    _check_checkpoint(spec, workspace)
    persona = load_persona(workspace.persona_file)
    accepted = await store.run(lambda database: database.examples.find(status=Status.ACCEPTED))
    choice = choose(accepted, allow_near_duplicates=spec.allow_near_duplicates)
    write_dataset(choice, persona.system_prompt, folder)


async def run(spec: Spec, job: JobContext) -> AsyncGenerator[Event, None]:
    """Train; a job that ran before goes on from its last saved state, as if nothing had happened.

    Raises:
        JobError: the base cannot be had, memory or disk do not suffice, the loss is no number any more.
    """
    about = read_about(job.folder)
    document = training_run(spec, job, about)
    yield Saved(table="training_runs", document=document.model_dump(mode="json"))
    yield SplitsFrozen(run_id=job.id, splits=about.splits)
    if spec.config.processes > 1:
        share_cores(spec.config.processes)
    with named(job.folder):
        from studio.jobs.train.session import Session

        session = Session(spec, job, about, document)
        async for event in session.events():
            yield event


def training_run(spec: Spec, job: JobContext, about: About) -> TrainingRun:
    """Return the run's document as it is at the start; its id is the job's."""
    return TrainingRun(
        id=job.id,
        created_at=about.prepared_at,
        name=spec.name or job.folder.name,
        job_id=job.id,
        base=spec.base,
        config=spec.config.model_dump(mode="json"),
        dataset_hash=about.sha256,
        train_examples=about.train,
        valid_examples=about.valid,
        state="running",
    )


def _check_checkpoint(spec: Spec, workspace: Workspace) -> None:
    if spec.from_checkpoint is None:
        return
    try:
        there = (workspace.inside(spec.from_checkpoint) / "adapters.safetensors").is_file()
    except ValueError:
        there = False
    if not there:
        raise JobError(
            f"there is no checkpoint in {spec.from_checkpoint}",
            kept="nothing was changed",
            to_do="Name the folder of a checkpoint in this workspace: checkpoints/r1/step-000100.",
        )
