"""Saving and restoring a trainer: written aside, synced, renamed; a kill at any moment leaves a whole state."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

from studio.jobs.process.files import PRIVATE_FOLDER, sync, sync_folder
from studio.jobs.train.adapters import load_adapters, save_adapters
from studio.jobs.train.states import ASIDE, STATE, RunState, folder_of, put_in_place
from studio.jobs.train.trainer import Trainer
from studio.lm.mlx import load_arrays, mx, tree_flatten, tree_unflatten

_OPTIMIZER = "optimizer.safetensors"


def save(trainer: Trainer, state: RunState, adapter: dict[str, Any], run: Path) -> Path:
    """Save everything that the run goes on from; return the folder `step-…`.

    Raises:
        OSError: the disk is full or gone; the saves before are untouched.
    """
    folder = folder_of(run, state.step)
    aside = run / f"{ASIDE}{folder.name}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=PRIVATE_FOLDER)
    try:
        save_adapters(trainer.model, adapter, aside)
        mx.save_safetensors(str(aside / _OPTIMIZER), dict(tree_flatten(trainer.optimizer.state)))
        (aside / STATE).write_text(state.model_dump_json(indent=2) + "\n", encoding="utf-8")
        for path in aside.iterdir():
            with path.open("rb") as file:
                sync(file.fileno())
            _check_whole(path)
        sync_folder(aside)
        put_in_place(aside, folder)
    except RuntimeError as error:  # mlx's word for a failed write
        raise OSError(errno.ENOSPC if _is_full(run) else errno.EIO, str(error)) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def _check_whole(path: Path) -> None:
    """Compare the file with its own header: MLX does not tell of every write that was cut short.

    Raises:
        OSError: the file is not whole.
    """
    from safetensors import SafetensorError, safe_open

    if path.suffix == ".safetensors":
        try:
            with safe_open(path, framework="numpy"):
                pass
        except SafetensorError as error:
            raise OSError(errno.ENOSPC, f"{path.name} was cut short") from error


def _is_full(run: Path) -> bool:
    return shutil.disk_usage(run).free < 1_000_000


def size_needed(trainer: Trainer) -> int:
    """Return about how many bytes a saved state takes."""
    adapters = sum(value.nbytes for _, value in tree_flatten(trainer.model.trainable_parameters()))
    optimizer = sum(value.nbytes for _, value in tree_flatten(trainer.optimizer.state))
    return int(adapters + optimizer) + 64_000


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
    import platform
    from importlib.metadata import version

    from studio.lm.blas import blas_threads, load_fast_blas
    from studio.lm.mlx import on_metal

    blas = load_fast_blas()
    return {
        "mlx": version("mlx"),
        "mlx-lm": version("mlx-lm"),
        "numpy": version("numpy"),
        "machine": platform.machine(),
        "device": "metal" if on_metal() else "cpu",
        "blas": Path(blas).name if blas else "the wheel's own",
        "threads": str(blas_threads()),
    }


def differences(then: dict[str, str], here: dict[str, str]) -> str:
    """Say what is not as it was when a state was saved; empty where nothing is known to differ."""
    changed = [name for name, value in here.items() if then.get(name, value) != value]
    return ", ".join(f"{name} {here[name]} (was {then[name]})" for name in changed)
