"""The checkpoints of a run as documents: told as they are on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from store.models import Checkpoint
from studio.jobs.events import Event, Saved
from studio.jobs.process.context import JobContext
from studio.jobs.train.states import Best, read_state, saved


class Checkpoints:
    """What was told of a run's checkpoints, and what is to be told.

    What is there counts, not what was done: a kill between saving and telling loses no word.
    """

    def __init__(self, job: JobContext) -> None:
        """Take in what earlier lives of the job told."""
        self._job = job
        self._told = _told(job)
        self._known = dict(self._told)

    def tell(self, best: Best | None) -> Iterator[Event]:
        """Tell of the checkpoints as far as nobody knows it yet."""
        there = dict(saved(self._job.folder))
        for step, folder in there.items():
            if step not in self._known:
                self._known[step] = self._document(step, folder)
        for step, known in sorted(self._known.items()):
            look = self._loss(there[step], step) if step in there else None
            now_is = known.model_copy(
                update={
                    "best": best is not None and step == best.step,
                    "kept": step in there,
                    "valid_loss": known.valid_loss if look is None else look,
                }
            )
            if now_is != self._told.get(step):
                self._known[step] = self._told[step] = now_is
                yield Saved(table="checkpoints", document=now_is.model_dump(mode="json"))

    @property
    def to_use(self) -> str | None:
        """The best checkpoint's id, else that of the newest whose files are there; None without any."""
        kept = {step: known for step, known in self._known.items() if known.kept}
        best = next((known.id for known in kept.values() if known.best), None)
        return best or (kept[max(kept)].id if kept else None)

    def _document(self, step: int, folder: Path) -> Checkpoint:
        return Checkpoint(
            id=f"{self._job.id}-{step}",
            run_id=self._job.id,
            step=step,
            path=self._job.workspace.relative(folder),
            valid_loss=self._loss(folder, step),
        )

    def _loss(self, folder: Path, step: int) -> float | None:
        look = read_state(folder).last_look
        return look.loss if look and look.step == step else None


def _told(job: JobContext) -> dict[int, Checkpoint]:
    """Return what earlier lives of this job told of its checkpoints, by step."""
    told = (
        Checkpoint.model_validate(item.event.document)
        for item in job.previous()
        if isinstance(item.event, Saved) and item.event.table == "checkpoints"
    )
    return {checkpoint.step: checkpoint for checkpoint in told}
