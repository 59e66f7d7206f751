"""A run's saved states: written aside, synced, renamed, so that a kill at any moment leaves a whole one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from studio.jobs.process.files import PRIVATE_FOLDER, sync, sync_folder
from studio.jobs.train.adapters import load_adapters, save_adapters
from studio.jobs.train.trainer import Trainer
from studio.lm.mlx import load_arrays, mx, tree_flatten, tree_unflatten

_NAME = re.compile(r"step-(\d{6,})")
_STATE = "state.json"
_OPTIMIZER = "optimizer.safetensors"
_ASIDE = ".saving-"
KEPT = 2
"""Saved states that are kept, the newest, besides the best."""


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


def save(trainer: Trainer, state: RunState, adapter: dict[str, Any], run: Path) -> Path:
    """Save everything that the run goes on from; return the folder `step-…`.

    Raises:
        OSError: the disk is full or gone; the saves before are untouched.
    """
    folder = run / f"step-{state.step:06d}"
    aside = run / f"{_ASIDE}{folder.name}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=PRIVATE_FOLDER)
    try:
        save_adapters(trainer.model, adapter, aside)
        mx.save_safetensors(str(aside / _OPTIMIZER), dict(tree_flatten(trainer.optimizer.state)))
        (aside / _STATE).write_text(state.model_dump_json(indent=2) + "\n", encoding="utf-8")
        for path in aside.iterdir():
            with path.open("rb") as file:
                sync(file.fileno())
        sync_folder(aside)
        _put_in_place(aside, folder)
    except RuntimeError as error:  # mlx's word for a failed write
        raise OSError(*_cause(run, error)) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def _put_in_place(aside: Path, folder: Path) -> None:
    """Rename; a state of the same step (saved before a kill) makes room first."""
    if folder.exists():
        old = folder.with_name(f"{_ASIDE}old-{folder.name}")
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
        aside.rename(folder)
        shutil.rmtree(old)
    else:
        aside.rename(folder)
    sync_folder(folder.parent)


def _cause(run: Path, error: RuntimeError) -> tuple[int, str]:
    import errno

    full = shutil.disk_usage(run).free < 1_000_000
    return (errno.ENOSPC if full else errno.EIO), str(error)


def size_needed(trainer: Trainer) -> int:
    """Return about how many bytes a saved state takes."""
    adapters = sum(value.nbytes for _, value in tree_flatten(trainer.model.trainable_parameters()))
    optimizer = sum(value.nbytes for _, value in tree_flatten(trainer.optimizer.state))
    return int(adapters + optimizer) + 64_000


def prune(run: Path, best: Best | None) -> list[int]:
    """Delete saved states but the newest two and the best; return the steps whose files are gone."""
    states = list(saved(run))
    keep = {step for step, _ in states[-KEPT:]} | ({best.step} if best else set())
    gone = [(step, folder) for step, folder in states if step not in keep]
    for _, folder in gone:
        doomed = folder.with_name(f"{_ASIDE}old-{folder.name}")
        shutil.rmtree(doomed, ignore_errors=True)
        folder.rename(doomed)
        shutil.rmtree(doomed)
    return [step for step, _ in gone]


def saved(run: Path) -> Iterator[tuple[int, Path]]:
    """Yield step and folder of each whole saved state, the oldest first."""
    found = ((_NAME.fullmatch(path.name), path) for path in run.iterdir())
    for step, path in sorted((int(match[1]), path) for match, path in found if match):
        if (path / _STATE).is_file():
            yield step, path


def latest(run: Path, dataset_sha256: str) -> tuple[RunState, Path] | None:
    """Return the newest saved state of the same data, after clearing away what a kill left half done."""
    for path in run.glob(f"{_ASIDE}*"):
        shutil.rmtree(path, ignore_errors=True)
    for _, folder in reversed(list(saved(run))):
        try:
            state = read_state(folder)
        except (OSError, ValidationError):
            continue
        if state.dataset_sha256 == dataset_sha256:
            return state, folder
    return None


def read_state(folder: Path) -> RunState:
    """Read what a saved state says of itself.

    Raises:
        OSError, ValidationError: it is missing or damaged.
    """
    return RunState.model_validate_json((folder / _STATE).read_bytes())


def restore(trainer: Trainer, folder: Path) -> None:
    """Put adapters and optimizer back to what `save` wrote.

    Raises:
        DamagedModelError, RuntimeError: the files cannot be read.
    """
    load_adapters(trainer.model, folder)
    values = load_arrays(folder / _OPTIMIZER)
    trainer.optimizer.state = tree_unflatten(list(values.items()))
    mx.eval(trainer.optimizer.state)


def environment() -> dict[str, str]:
    """Say what the bits of a run depend on besides its settings."""
    from importlib.metadata import version

    from studio.lm.blas import blas_threads, load_fast_blas
    from studio.lm.mlx import on_metal

    blas = load_fast_blas()
    return {
        "mlx": version("mlx"),
        "mlx-lm": version("mlx-lm"),
        "device": "metal" if on_metal() else "cpu",
        "blas": Path(blas).name if blas else "the wheel's own",
        "threads": str(blas_threads()),
    }
