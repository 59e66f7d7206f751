"""A run's saved states on the disk: which are whole, which are kept, which make room. No model is needed here."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from studio.jobs.process.files import sync_folder

KEPT = 2
"""Saved states that are kept, the newest, besides the best."""

STATE = "state.json"
ASIDE = ".saving-"
_OLD = ".replaced-"
_DOOMED = ".dropping-"
_NAME = re.compile(r"step-(\d{6,})")


class Best(BaseModel):
    """The step with the lowest validation loss so far."""

    model_config = ConfigDict(frozen=True)

    step: int
    loss: float


class RunState(BaseModel):
    """All of a run's state that is not in the adapters and the optimizer; the rest follows from the step."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    step: int = 0
    """Optimizer updates done."""
    best: Best | None = None
    first_loss: float | None = None
    """The validation loss before the first step."""
    last_look: Best | None = None
    """The last validation loss and its step."""
    looks_without_gain: int = 0
    """Evaluations since the best one, for `patience`."""
    tokens: int = 0
    """Tokens trained on so far."""
    seconds: float = 0.0
    """Time spent in steps so far."""
    dataset_sha256: str = ""
    environment: dict[str, str] = {}
    """Where it was made: bits may differ elsewhere."""


def folder_of(run: Path, step: int) -> Path:
    """Return where the state of `step` is or will be."""
    return run / f"step-{step:06d}"


def saved(run: Path) -> Iterator[tuple[int, Path]]:
    """Yield step and folder of each whole saved state, the oldest first."""
    found = ((_NAME.fullmatch(path.name), path) for path in run.iterdir())
    for step, path in sorted((int(match[1]), path) for match, path in found if match):
        if (path / STATE).is_file():
            yield step, path


def read_state(folder: Path) -> RunState:
    """Read what a saved state says of itself.

    Raises:
        OSError, ValidationError: it is missing or damaged.
    """
    return RunState.model_validate_json((folder / STATE).read_bytes())


def put_in_place(aside: Path, folder: Path) -> None:
    """Rename what was written aside; a state of the same step (saved before a kill) stays until then."""
    old = folder.with_name(f"{_OLD}{folder.name}")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    aside.rename(folder)
    sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def tidy(run: Path) -> None:
    """Put right what a kill left half done; without effect on what is whole."""
    for old in run.glob(f"{_OLD}*"):
        folder = run / old.name.removeprefix(_OLD)
        if not folder.exists():
            old.rename(folder)
    for pattern in (ASIDE, _OLD, _DOOMED):
        for path in run.glob(f"{pattern}*"):
            shutil.rmtree(path, ignore_errors=True)


def latest(run: Path, dataset_sha256: str) -> tuple[RunState, Path] | None:
    """Return the newest whole state of the same data, after putting right what a kill left half done."""
    tidy(run)
    for _, folder in reversed(list(saved(run))):
        try:
            state = read_state(folder)
        except (OSError, ValidationError):
            continue
        if state.dataset_sha256 == dataset_sha256:
            return state, folder
    return None


def prune(run: Path, best: Best | None) -> list[int]:
    """Delete saved states but the newest two and the best; return the steps whose files are gone."""
    states = list(saved(run))
    keep = {step for step, _ in states[-KEPT:]} | ({best.step} if best else set())
    gone = [(step, folder) for step, folder in states if step not in keep]
    for _, folder in gone:
        _drop(folder)
    return [step for step, _ in gone]


def drop_after(run: Path, step: int) -> None:
    """Delete the states after `step`: a run that went wrong goes on from one that was well."""
    tidy(run)
    for number, folder in list(saved(run)):
        if number > step:
            _drop(folder)


def _drop(folder: Path) -> None:
    """Rename first, so that a kill leaves no half of a state under its name."""
    doomed = folder.with_name(f"{_DOOMED}{folder.name}")
    shutil.rmtree(doomed, ignore_errors=True)
    folder.rename(doomed)
    shutil.rmtree(doomed)
