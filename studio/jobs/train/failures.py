"""What ends a run, as errors that say what was kept and what to change."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from studio.jobs.events import JobError
from studio.jobs.train.causes import cause_of
from studio.lm.errors import ModelError

SAFER = "or go on at safer settings (T in the studio; jessy-studio train --resume NAME --safer)"


@contextlib.contextmanager
def named(run: Path) -> Iterator[None]:
    """Turn what goes wrong in the block into a JobError where its cause is known; `run` is the run's folder.

    Raises:
        JobError: instead of the error inside.
    """
    from studio.jobs.train.trainer import DivergedError, PoisonedError

    try:
        yield
    except ModelError as error:
        raise JobError(error.what, kept=kept(run), to_do=error.to_do, cause="base") from error
    except PoisonedError as error:
        raise poisoned(run, error.examples) from error
    except DivergedError as error:
        raise JobError(
            f"the training diverged: {error}",
            kept=kept(run),
            to_do=f"Start a run with a lower learning rate, {SAFER}: a third of it, from the last good state.",
            cause="divergence",
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise disk_full(run) from error
    except MemoryError as error:
        raise out_of_memory(run) from error
    except RuntimeError as error:
        match cause_of(str(error)):
            case "memory":
                raise out_of_memory(run) from error
            case "watchdog":
                raise watchdog(run) from error
            case _:
                raise


def disk_full(run: Path, needed: int | None = None) -> JobError:
    """Return the error for a disk without room for saved states of `needed` bytes."""
    free = shutil.disk_usage(run).free
    need = f", {needed / 1e6:,.0f} MB are needed" if needed else ""
    return JobError(
        f"the disk is full: {free / 1e6:,.0f} MB are free{need}",
        kept=kept(run),
        to_do="Free some space, then resume: the run goes on from there.",
        cause="disk",
    )


def out_of_memory(run: Path) -> JobError:
    """Return the error for a batch that does not fit."""
    return JobError(
        "there was not enough memory for a batch",
        kept=kept(run),
        to_do=f"Close what takes memory (Ollama's models) and resume, {SAFER}: smaller parts, checkpointing.",
        cause="memory",
    )


def watchdog(run: Path) -> JobError:
    """Return the error for a kernel that macOS ended because the display waited for it."""
    return JobError(
        "macOS ended a computation that took the GPU for too long",
        kept=kept(run),
        to_do=f"Resume with the display off, {SAFER}: smaller parts.",
        cause="watchdog",
    )


def poisoned(run: Path, examples: tuple[str, ...]) -> JobError:
    """Return the error for examples whose loss alone is no number."""
    several = len(examples) > 1
    return JobError(
        f"the loss of example{'s' if several else ''} {', '.join(examples)} is no number, that of others is",
        kept=kept(run),
        to_do=f"Look at {'them' if several else 'it'} in Review and start a new run, {SAFER}: without "
        f"{'them' if several else 'it'}.",
        cause="data",
        examples=examples,
    )


def kept(run: Path) -> str:
    """Say which saved state a run could go on from."""
    steps = sorted(path.name for path in run.glob("step-*"))
    return f"the state of step {int(steps[-1].removeprefix('step-')):,}" if steps else "the run's data"
