"""Room on the disk for a run's saved states, looked for before the first step and before each save."""

from __future__ import annotations

import shutil
from pathlib import Path

from studio.jobs.train.failures import disk_full
from studio.jobs.train.saves import size_needed
from studio.jobs.train.states import KEPT, saved
from studio.jobs.train.trainer import Trainer


def check_room(trainer: Trainer, run: Path, states_wanted: int = KEPT + 2) -> None:
    """Return where the disk has room for so many states: by default those kept, the best, and one being written.

    Those that are there already count.

    Raises:
        JobError: it has not.
    """
    there = len(list(saved(run))) if states_wanted > 1 else 0
    needed = size_needed(trainer) * max(1, states_wanted - there)
    if shutil.disk_usage(run).free < needed:
        raise disk_full(run, needed)
