"""Which checkpoint is meant when somebody names a run, or nothing."""

from __future__ import annotations

from store.database import Store
from store.models import Checkpoint, TrainingRun


def best_checkpoint(database: Store, name: str | None = None) -> tuple[TrainingRun | None, Checkpoint | None]:
    """Return the newest run that has a checkpoint, with its best one; (None, None) where there is none.

    Args:
        database: the store.
        name: name or id of the run; None takes the newest.
    """
    for run in sorted(database.training_runs.find(), key=lambda run: run.created_at, reverse=True):
        checkpoints = database.checkpoints.find(run_id=run.id)
        if checkpoints and name in (None, run.name, run.id):
            best = next((c for c in checkpoints if c.best), max(checkpoints, key=lambda c: c.step))
            return run, best
    return None, None
