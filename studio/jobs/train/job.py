"""The training job: what is asked, what is written before it starts, and its stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

from store.database import Store
from store.live import AsyncStore
from store.models import Example, PreferencePair, Status, TrainingRun
from studio.config.persona import load_persona
from studio.jobs.events import Event, Log, Saved, SplitsFrozen
from studio.jobs.process.context import JobContext
from studio.jobs.process.side import share_cores
from studio.jobs.train.awake import kept_awake
from studio.jobs.train.begin import check_begin
from studio.jobs.train.choose import choose, choose_pairs, is_decided
from studio.jobs.train.config import Spec, TrainingConfig
from studio.jobs.train.dataset import About, read_about, write_dataset, write_pairs
from studio.jobs.train.failures import named
from studio.jobs.train.preflight import need_bytes
from studio.jobs.train.safer import applied, read_safer
from studio.jobs.train.states import latest
from studio.jobs.train.trackers import Trackers
from studio.workspace import Workspace

__all__ = ["Spec", "TrainingConfig", "need_bytes", "prepare", "run", "title"]


def title(spec: Spec) -> str:
    """Name the job for people."""
    return f"Training run {spec.name}" if spec.name else "Training run"


async def prepare(spec: Spec, workspace: Workspace, store: AsyncStore, folder: Path) -> None:
    """Write the run's own copy of its data into `folder`, so that later edits do not change what it learns.

    Raises:
        ConfigError: persona.toml cannot be used.
        JobError: nothing is accepted, too little for a split, or `from_checkpoint` is none or does not fit.
        OSError: the disk is full.
    """
    check_begin(spec, workspace)
    persona = load_persona(workspace.persona_file)
    if spec.config.method == "sft":
        accepted = await store.run(lambda database: database.examples.find(status=Status.ACCEPTED))
        choice = choose(accepted, allow_near_duplicates=spec.allow_near_duplicates)
        write_dataset(choice, persona.system_prompt, folder)
    else:
        pairs = choose_pairs(*await store.run(_pairs_with_parents))
        write_pairs(pairs, persona.system_prompt, folder)


def _pairs_with_parents(store: Store) -> tuple[list[PreferencePair], dict[str, Example]]:
    pairs = [pair for pair in store.pairs.find() if pair.status in (Status.ACCEPTED, Status.PENDING)]
    found = (store.examples.get(pair.provenance.parent_id) for pair in pairs if pair.provenance.parent_id)
    parents = {example.id: example for example in found if example is not None}
    return [pair for pair in pairs if is_decided(pair, parents)], parents


async def run(spec: Spec, job: JobContext) -> AsyncGenerator[Event, None]:
    """Train; a job that ran before goes on from its last saved state, as if nothing had happened.

    Raises:
        JobError: the base cannot be had, memory or disk do not suffice, the loss is no number any more.
    """
    about = read_about(job.folder)
    spec = applied(spec, job.folder)
    document = training_run(spec, job, about)
    yield Saved(table="training_runs", document=document.model_dump(mode="json"))
    if about.splits:
        yield SplitsFrozen(run_id=job.id, splits=about.splits)
    if words := read_safer(job.folder).words:
        yield Log(text=f"At safer settings than ordered: {words}.")
    if spec.config.processes > 1:
        share_cores(spec.config.processes)
    trackers = Trackers(
        spec.config.report_to, run_id=job.id, name=document.name, config=document.config, folder=job.folder
    )
    with named(job.folder), kept_awake():
        from studio.jobs.train.session import Session

        for event in trackers.start():
            yield event
        try:
            async for event in Session(spec, job, about, document).events():
                yield event
                for said in trackers.take(event):
                    yield said
        finally:
            trackers.close()


def training_run(spec: Spec, job: JobContext, about: About) -> TrainingRun:
    """Return the run's document as it is at the start of a life; its id is the job's."""
    known = TrainingRun(
        id=job.id,
        created_at=about.prepared_at,
        name=spec.name or job.folder.name,
        job_id=job.id,
        base=spec.base,
        config=spec.config.model_dump(mode="json"),
        from_checkpoint=spec.from_checkpoint,
        template=spec.template,
        dataset_hash=about.sha256,
        train_examples=about.train,
        valid_examples=about.valid,
        state="running",
    )
    found = latest(job.folder, about.sha256)
    if found is None:
        return known
    state, _ = found
    best = state.best.loss if state.best else None
    return known.model_copy(
        update={"steps": state.step, "first_valid_loss": state.first_loss, "best_valid_loss": best}
    )
