"""Going on at safer settings after a failure: what to change, written beside the order, which stays as it was.

No model is loaded here: the studio and the command line ask before a process is started.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from studio.jobs.events import RECORDED, Failed, JobError
from studio.jobs.process.files import write_atomically
from studio.jobs.process.folder import JobFolder
from studio.jobs.train.causes import cause_in_log
from studio.jobs.train.config import Spec, TrainingConfig
from studio.jobs.train.states import drop_after, read_state, saved

FILE = "safer.json"
_ACCEPTED = "environment-accepted"
_TAIL_BYTES = 1 << 20
_SHORTEST = 128
_SLOWER = 3.0
"""The learning rate is divided by this after a divergence."""


class Safer(BaseModel):
    """What is not as it was ordered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: dict[str, Any] = {}
    """Settings of TrainingConfig by name."""
    left_out: tuple[str, ...] = ()
    """Ids of examples that are not learned from."""
    words: str = ""
    """The last change, for people."""


def read_safer(run: Path) -> Safer:
    """Return what was changed for the run in the folder `run`; nothing where no file is.

    Raises:
        JobError: the file is damaged.
    """
    file = run / FILE
    try:
        return Safer.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return Safer()
    except (OSError, ValidationError) as error:
        raise JobError(
            f"{FILE} cannot be read: {str(error).splitlines()[0]}",
            kept="all saved states",
            to_do=f"Delete {FILE} to go on with the settings that were ordered.",
        ) from error


def left_out(run: Path) -> frozenset[str]:
    """Return the ids of examples that the run shall not learn from any more.

    Raises:
        JobError: as `read_safer`.
    """
    return frozenset(read_safer(run).left_out)


def applied(spec: Spec, run: Path) -> Spec:
    """Return the order with the run's safer settings in it.

    Raises:
        JobError: as `read_safer`, or a setting is none.
    """
    changes = read_safer(run).config
    if not changes:
        return spec
    try:
        config = TrainingConfig.model_validate(spec.config.model_dump() | changes)
    except ValidationError as error:
        raise JobError(
            f"{FILE} asks for what cannot be: {error.errors()[0]['msg']}",
            kept="all saved states",
            to_do=f"Delete {FILE} to go on with the settings that were ordered.",
        ) from error
    return spec.model_copy(update={"config": config})


def propose(run: Path) -> Safer | None:
    """Return how the run in the folder `run` could go on more safely, None where nothing is known to help.

    Raises:
        JobError: the run's order is damaged.
    """
    folder = JobFolder(run)
    spec = applied(Spec.model_validate(folder.header().spec), run)
    known = read_safer(run)
    failed = _last_failure(folder)
    cause = cause_in_log(folder.log) if failed is None else failed.cause
    if failed is not None and failed.examples:
        return known.model_copy(
            update={
                "left_out": (*known.left_out, *failed.examples),
                "words": f"without {', '.join(failed.examples)}",
            }
        )
    change, words = _change(cause, spec.config)
    if not change:
        return None
    return known.model_copy(update={"config": known.config | change, "words": words})


def make_safer(run: Path) -> Safer:
    """Write what `propose` says into the run's folder, so that resuming it goes on with that.

    After a divergence the run goes back to the best state, too: later ones may be on the way to it.

    Raises:
        JobError: nothing is known that would be safer.
        OSError: the disk is full.
    """
    safer = propose(run)
    if safer is None:
        raise JobError(
            "there are no safer settings to go on with",
            kept="all saved states",
            to_do="Resume it as it is, or start a new run with other settings.",
        )
    if "learning_rate" in safer.config:
        _back_to_best(run)
    write_atomically(run / FILE, safer.model_dump_json(indent=2).encode())
    # Other settings give other bits: whoever wants them needs no question about those of another thread count.
    accept_environment(run)
    return safer


def accept_environment(run: Path) -> None:
    """Let the run's next life go on although the machine or a package is not as it was.

    Raises:
        OSError: the disk is full.
    """
    write_atomically(run / _ACCEPTED, b"", durable=False)


def take_acceptance(run: Path) -> bool:
    """Say whether a person has accepted another environment beforehand; it counts once."""
    try:
        (run / _ACCEPTED).unlink()
    except FileNotFoundError:
        return False
    return True


def _back_to_best(run: Path) -> None:
    for _, folder in reversed(list(saved(run))):
        with contextlib.suppress(OSError, ValidationError):
            best = read_state(folder).best
            if best is not None:
                drop_after(run, best.step)
            return


def _last_failure(folder: JobFolder) -> Failed | None:
    """Return the event that the job's last life ended with, where it is a failure."""
    try:
        with folder.events.open("rb") as file:
            file.seek(max(0, folder.events.stat().st_size - _TAIL_BYTES))
            last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        event = RECORDED.validate_json(last).event
    except (OSError, ValidationError):
        return None
    return event if isinstance(event, Failed) else None


def _change(cause: str, config: TrainingConfig) -> tuple[dict[str, Any], str]:
    if cause == "divergence":
        rate = config.learning_rate / _SLOWER
        return {"learning_rate": rate}, f"learning rate {rate:.2g}, from the last good state"
    if cause not in ("memory", "watchdog", "killed"):
        return {}, ""
    change: dict[str, Any] = {}
    words: list[str] = []
    if config.parts < config.batch:
        change["parts"] = min(config.batch, 2 * config.parts)
        words.append(f"each batch in {change['parts']} parts")
    if config.processes > 1:
        change["processes"] = 1
        words.append("one process")
    if not config.checkpointing:
        change["checkpointing"] = True
        words.append("gradient checkpointing")
    if not change and config.max_sequence > _SHORTEST:
        change["max_sequence"] = max(_SHORTEST, config.max_sequence // 2)
        words.append(f"at most {change['max_sequence']:,} tokens an example")
    return change, ", ".join(words)
