"""What ends a run, as errors that say what was kept and what to change."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from studio.jobs.events import JobError
from studio.lm.errors import ModelError


@contextlib.contextmanager
def named(run: Path) -> Iterator[None]:
    """Turn what goes wrong in the block into a JobError where its cause is known; `run` is the run's folder.

    Raises:
        JobError: instead of the error inside.
    """
    from studio.jobs.train.trainer import DivergedError

    try:
        yield
    except ModelError as error:
        raise JobError(error.what, kept=kept(run), to_do=error.to_do) from error
    except DivergedError as error:
        raise JobError(
            f"the training diverged: {error}",
            kept=kept(run),
            to_do="Start a run with a lower learning rate, from the last good checkpoint if there is one.",
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise disk_full(run) from error
    except MemoryError as error:
        raise out_of_memory(run) from error
    except RuntimeError as error:
        if not _is_memory(str(error)):
            raise
        raise out_of_memory(run) from error


def disk_full(run: Path, needed: int | None = None) -> JobError:
    """Return the error for a disk without room for a saved state of `needed` bytes."""
    free = shutil.disk_usage(run).free
    need = f", {needed / 1e6:,.0f} MB are needed" if needed else ""
    return JobError(
        f"the disk is full: {free / 1e6:,.0f} MB are free{need}",
        kept=kept(run),
        to_do="Free some space, then resume: the run goes on from there.",
    )


def out_of_memory(run: Path) -> JobError:
    """Return the error for a batch that does not fit."""
    return JobError(
        "there was not enough memory for a batch",
        kept=kept(run),
        to_do="Halve the batch and double the accumulation, shorten max_sequence, or turn checkpointing on.",
    )


def kept(run: Path) -> str:
    """Say which saved state a run could go on from."""
    steps = sorted(path.name for path in run.glob("step-*"))
    return f"the state of step {int(steps[-1].removeprefix('step-')):,}" if steps else "the run's data"


def _is_memory(text: str) -> bool:
    return any(
        word in text.lower() for word in ("allocate", "out of memory", "insufficient memory", "bad_alloc")
    )
