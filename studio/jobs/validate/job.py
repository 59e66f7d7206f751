"""The validate job: base, prompted base and a checkpoint answer the same cases, in a process of its own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from store.database import Store
from store.live import AsyncStore
from store.models import Checkpoint, Scorecard, TrainingRun
from studio.config.errors import ConfigError
from studio.config.persona import Persona, load_persona
from studio.config.suites import Case, Suite, load_suites
from studio.jobs.checkpoints import best_checkpoint
from studio.jobs.events import Event, Finished, JobError, Progress, Saved, Stage
from studio.jobs.process.context import JobContext
from studio.jobs.validate.answers import Answerer, Conversation, Manner, processes_of_use
from studio.jobs.validate.replies import ReplyLog
from studio.jobs.validate.scorecard import gains, subject_scores
from studio.jobs.validate.traits import TRAITS
from studio.workspace import PERSONA_FILE, Workspace

_INPUTS = "inputs.json"


class Spec(BaseModel):
    """What to validate and how replies are made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str | None = None
    """Name or id of the training run whose best checkpoint is scored; None takes the newest."""
    suites: tuple[str, ...] = ()
    """Names of suites; empty takes all."""
    max_tokens: int = Field(default=128, ge=1)
    batch_size: int = Field(default=32, ge=1)
    """Replies made at once: the weights are read once a token for all of them."""
    seed: int = Field(default=17, ge=0)
    cases: Annotated[int, Field(ge=1)] | dict[str, Annotated[int, Field(ge=1)]] | None = None
    """The first so many of each suite, or of those that are named, for a quick look; None takes all."""
    processes: int | None = Field(default=None, ge=1, le=2)
    """Processes that answer side by side, each with the model; None takes 2 on a CPU with two cores or more."""


class Inputs(BaseModel):
    """What the store knows that the job's process needs."""

    model_config = ConfigDict(frozen=True)

    run: TrainingRun
    checkpoint: Checkpoint


@dataclass(frozen=True)
class Subject:
    """Someone who answers: a base, with or without the persona's prompt, or a checkpoint on it."""

    name: str
    adapter: Path | None
    prompted: bool


def title(spec: Spec) -> str:
    """Return what the job is called in lists."""
    return f"Validate {spec.run}" if spec.run else "Validate the newest run"


async def prepare(spec: Spec, workspace: Workspace, store: AsyncStore, folder: Path) -> None:
    """Write the checkpoint, the persona and the suites into the job's folder, as they are now.

    Raises:
        ConfigError: a suite or the persona is damaged.
        JobError: there is no checkpoint, no such suite, or a suite names an unknown trait.
    """
    _chosen(_suites(workspace.suites), spec.suites)
    load_persona(workspace.persona_file)
    inputs = await store.run(lambda database: _inputs(database, spec.run))
    shutil.copytree(workspace.suites, folder / "suites", dirs_exist_ok=True)
    shutil.copyfile(workspace.persona_file, folder / PERSONA_FILE)
    (folder / _INPUTS).write_bytes(inputs.model_dump_json(indent=2).encode())


async def run(spec: Spec, job: JobContext) -> AsyncIterator[Event]:
    """Answer, score, and yield the scorecard; a killed job goes on with the replies that it has.

    Raises:
        JobError: the base or the checkpoint is gone or damaged.
    """
    inputs = Inputs.model_validate_json((job.folder / _INPUTS).read_bytes())
    persona = load_persona(job.folder / PERSONA_FILE)
    suites = _first(_chosen(_suites(job.folder / "suites"), spec.suites), spec.cases)
    adapter = _adapter(job.workspace, inputs.checkpoint)
    checkpoint_name = f"{inputs.run.name} best"
    subjects = (
        Subject("base", None, prompted=False),
        Subject("prompted base", None, prompted=True),
        Subject(checkpoint_name, adapter, prompted=True),
    )
    log = ReplyLog(job.folder / "replies.jsonl")
    total = len(subjects) * sum(len(suite.cases) for suite in suites)
    done = 0
    manner = Manner(inputs.run.base, inputs.run.template, persona.sampling, spec.max_tokens, spec.seed)
    with closing(Answerer(manner, processes=spec.processes or processes_of_use())) as answerer:
        for subject in subjects:
            yield Stage(name=subject.name, state="running")
            for batch in _batches(suites, spec.batch_size):
                todo = [
                    (suite, case)
                    for suite, case in batch
                    if log.get((subject.name, suite.name, case.id)) is None
                ]
                if todo:
                    asked = [_conversation(case, subject, persona) for _, case in todo]
                    replies = answerer.answer(subject.adapter, asked)
                    log.add(
                        ((subject.name, suite.name, case.id), reply)
                        for (suite, case), reply in zip(todo, replies, strict=True)
                    )
                done += len(batch)
                yield Progress(done=done, total=total, unit="replies", label=subject.name)
                async for event in job.control.hold():
                    yield event
                if job.control.stopping:
                    yield Finished(
                        state="stopped",
                        summary=f"stopped after {done} of {total} replies; they are kept, resuming goes on from here",
                    )
                    return
            yield Stage(name=subject.name, state="done")

    scored = tuple(
        subject_scores(subject.name, suites, partial(_logged, log, subject.name), persona)
        for subject in subjects
    )
    card = Scorecard(
        id=job.id,
        run_id=inputs.run.id,
        checkpoint_id=inputs.checkpoint.id,
        job_id=job.id,
        subjects=scored,
        gains=gains(scored[2], scored[0]) + gains(scored[2], scored[1]),
    )
    yield Saved(table="scorecards", document=card.model_dump(mode="json"))
    yield Finished(summary=_summary(card, checkpoint_name), result={"scorecard": card.id, "replies": total})


def _logged(log: ReplyLog, subject: str, suite: Suite, case: Case) -> str:
    return log.get((subject, suite.name, case.id)) or ""


def _inputs(database: Store, name: str | None) -> Inputs:
    run, best = best_checkpoint(database, name)
    if run is not None and best is not None:
        return Inputs(run=run, checkpoint=best)
    raise JobError(
        f"There is no checkpoint of {name or 'any run'} to validate.",
        kept="Nothing was changed.",
        to_do="Train first: jessy-studio train",
    )


def _suites(folder: Path) -> tuple[Suite, ...]:
    """Read the suites; one damaged file stops them all, since a score without it would look like a score."""
    loaded = load_suites(folder)
    if loaded.problems:
        raise ConfigError(*loaded.problems)
    return loaded.items


def _chosen(suites: tuple[Suite, ...], names: tuple[str, ...]) -> tuple[Suite, ...]:
    if not suites:
        raise JobError(
            "There is no suite to validate with.",
            kept="Nothing was changed.",
            to_do="Put suites into data/suites; `jessy-studio init` brings the default ones.",
        )
    known = {suite.name for suite in suites}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise JobError(
            f"There is no suite `{unknown[0]}`.",
            kept="Nothing was changed.",
            to_do=f"Choose among: {', '.join(sorted(known))}.",
        )
    chosen = tuple(suite for suite in suites if not names or suite.name in names)
    for suite in chosen:
        for case in suite.cases:
            if wrong := next((trait for trait in case.traits if trait not in TRAITS), None):
                raise JobError(
                    f"Case {case.id} of the suite `{suite.name}` expects the unknown trait `{wrong}`.",
                    kept="Nothing was changed.",
                    to_do=f"Choose among: {', '.join(sorted(TRAITS))}.",
                )
    return chosen


def _first(suites: tuple[Suite, ...], cases: int | dict[str, int] | None) -> tuple[Suite, ...]:
    def most(suite: Suite) -> int | None:
        return cases.get(suite.name) if isinstance(cases, dict) else cases

    return tuple(suite.model_copy(update={"cases": suite.cases[: most(suite)]}) for suite in suites)


def _batches(suites: tuple[Suite, ...], size: int) -> Iterator[list[tuple[Suite, Case]]]:
    cases = [(suite, case) for suite in suites for case in suite.cases]
    for start in range(0, len(cases), size):
        yield cases[start : start + size]


def _adapter(workspace: Workspace, checkpoint: Checkpoint) -> Path:
    try:
        folder = workspace.inside(checkpoint.path)
    except ValueError as error:
        raise JobError(str(error), kept="Nothing was changed.", to_do="Choose another checkpoint.") from error
    if not folder.is_dir():
        raise JobError(
            f"The checkpoint {checkpoint.path} is gone.",
            kept="The replies so far.",
            to_do="Bring its folder back, or train again.",
        )
    return folder


def _conversation(case: Case, subject: Subject, persona: Persona) -> Conversation:
    system = ({"role": "system", "content": persona.system_prompt},) if subject.prompted else ()
    return (*system, *({"role": turn.role, "content": turn.content} for turn in case.turns))


def _summary(card: Scorecard, checkpoint: str) -> str:
    clear = [gain.suite for gain in card.gains if gain.against == "prompted base" and gain.low > 0]
    better = ", ".join(clear) if clear else "none"
    return f"{checkpoint} against the prompted base, gains with the interval above zero: {better}"
