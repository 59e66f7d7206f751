"""A run from its data to its last checkpoint, step by step."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

from store.models import Checkpoint, TrainingRun, now
from studio.jobs.events import Event, Finished, Log, Metrics, Progress, Sample, Saved, Stage
from studio.jobs.process.context import JobContext
from studio.jobs.train import saves
from studio.jobs.train.adapters import load_adapters
from studio.jobs.train.config import Spec
from studio.jobs.train.dataset import About
from studio.jobs.train.evaluation import sample_replies, validation_loss
from studio.jobs.train.failures import disk_full
from studio.jobs.train.setup import Setup
from studio.jobs.train.side import Side, start_side
from studio.jobs.train.trainer import StepResult
from studio.lm.mlx import mx, on_metal

_RECENT = 20
"""Steps over which rate and time left are averaged."""


class Session:
    """One life of a run's process: sets up, goes on from what was saved, trains, looks, saves."""

    def __init__(self, spec: Spec, job: JobContext, about: About, document: TrainingRun) -> None:
        self.spec = spec
        self.job = job
        self.about = about
        self.document = document
        self.state = saves.RunState(dataset_sha256=about.sha256, environment=saves.environment())
        self._told = _told_checkpoints(job)
        self._checkpoints = dict(self._told)
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._saved_at = time.monotonic()

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield all that happens, `Finished` last."""
        yield Stage(name="set up", state="running", detail=f"loading {self.spec.base}")
        self.setup = Setup(self.spec, self.job, self.about)
        side = self._side_process()
        try:
            async for event in self._run():
                yield event
        finally:
            if side is not None:
                side.close()

    def _side_process(self) -> Side | None:
        """Start the second process where it is asked for and of use."""
        if self.spec.config.processes == 1 or on_metal():
            return None
        side = self.setup.trainer.side = start_side(self.spec, self.job)
        return side

    async def _run(self) -> AsyncGenerator[Event, None]:
        self.trainer, self.config = self.setup.trainer, self.spec.config
        self.steps = self.trainer.plan.steps
        for note in self.setup.notes():
            yield note
        for event in self._begin():
            yield event
        yield Stage(name="set up", state="done", detail=f"{self.steps:,} steps")
        if self.state.first_loss is None:
            for event in self._look():
                yield event
        yield Stage(name="train", state="running", detail=f"step {self.state.step:,} of {self.steps:,}")
        command = None
        while self.state.step < self.steps and not self._ran_out_of_patience():
            command = self.job.control.requested()
            if command == "pause":
                for event in self._save():
                    yield event
                async for event in self.job.control.hold():
                    yield event
                command = self.job.control.requested()
            if command in ("stop", "stop_and_save"):
                break
            for event in self._step():
                yield event
        for event in self._end(command if self.state.step < self.steps else None):
            yield event

    def _begin(self) -> Iterator[Event]:
        """Go on from the newest saved state, or start from the checkpoint that was asked for."""
        found = saves.latest(self.job.folder, self.about.sha256)
        if found is None:
            if self.spec.from_checkpoint is not None:
                load_adapters(self.trainer.model, self.job.workspace.inside(self.spec.from_checkpoint))
                yield Log(text=f"The adapters begin as those of {self.spec.from_checkpoint}.")
            self._check_disk()
            return
        here, (self.state, folder) = self.state.environment, found
        saves.restore(self.trainer, folder)
        yield Log(text=f"Going on after step {self.state.step:,}, from {folder.name}.")
        changed = [name for name, value in here.items() if self.state.environment.get(name) != value]
        if changed:
            now_and_then = ", ".join(f"{n} {here[n]} (was {self.state.environment.get(n)})" for n in changed)
            yield Log(
                level="warning",
                text=f"Not the environment of the saved state: {now_and_then}. Losses may differ in their last bits.",
            )
            self.state = self.state.model_copy(update={"environment": here})
        yield from self._tell()

    def _step(self) -> Iterator[Event]:
        began = time.monotonic()
        result = self.trainer.step(self.state.step + 1)
        self.state = self.state.model_copy(
            update={
                "step": result.step,
                "tokens": self.state.tokens + result.tokens,
                "seconds": self.state.seconds + result.seconds,
            }
        )
        yield self._metrics(result)
        last = result.step == self.steps
        improved = False
        if last or result.step % self.config.eval_every == 0:
            best = self.state.best
            yield from self._look()
            improved = self.state.best != best
        slow = time.monotonic() - self._saved_at > self.config.save_minutes * 60
        if last or improved or slow or result.step % self.config.save_every == 0:
            yield from self._save()
        self._recent.append(time.monotonic() - began)
        mean = sum(self._recent) / len(self._recent)
        yield Progress(
            done=result.step,
            total=self.steps,
            unit="steps",
            label=f"loss {result.loss:.3f}",
            rate=1 / mean,
            eta_seconds=mean * (self.steps - result.step),
        )

    def _metrics(self, result: StepResult) -> Metrics:
        return Metrics(
            step=result.step,
            values={
                "loss": result.loss,
                "learning_rate": result.learning_rate,
                "grad_norm": result.grad_norm,
                "tokens_per_second": result.tokens / result.seconds,
                "steps_per_second": 1 / result.seconds,
                "memory_bytes": float(mx.get_active_memory()),
                "peak_memory_bytes": float(mx.get_peak_memory()),
                "epoch": self.trainer.plan.epoch(result.step),
                "padding": result.padding,
            },
        )

    def _look(self) -> Iterator[Event]:
        """Evaluate, remember the best, show sample replies."""
        step = self.state.step
        loss = validation_loss(self.trainer, self.setup.valid.lessons)
        look = saves.Best(step=step, loss=loss)
        changes: dict[str, object] = {"last_look": look}
        if step == 0:
            changes["first_loss"] = loss
        elif self.state.best is None or loss < self.state.best.loss:
            changes |= {"best": look, "looks_without_gain": 0}
        else:
            changes["looks_without_gain"] = self.state.looks_without_gain + 1
        self.state = self.state.model_copy(update=changes)
        yield Metrics(step=step, values={"valid_loss": loss, "epoch": self.trainer.plan.epoch(step)})
        if self.config.sample_tokens:
            replies = sample_replies(
                self.setup.loaded, self.about.system_prompt, max_tokens=self.config.sample_tokens
            )
            for prompt, reply in replies:
                yield Sample(step=step, prompt=prompt, reply=reply)
        yield self._run_document()

    def _save(self) -> Iterator[Event]:
        """Save the state, make room by dropping older ones, tell of it."""
        if self.state.step == 0:
            return
        self._check_disk()
        saves.save(self.trainer, self.state, self.setup.adapter_config, self.job.folder)
        self._saved_at = time.monotonic()
        saves.prune(self.job.folder, self.state.best)
        yield from self._tell()

    def _tell(self) -> Iterator[Event]:
        """Tell of the checkpoints as they are on the disk, as far as nobody knows it yet.

        What is there counts, not what was done: a kill between saving and telling loses no word.
        """
        there = dict(saves.saved(self.job.folder))
        for step, folder in there.items():
            if step not in self._checkpoints:
                self._checkpoints[step] = self._checkpoint(step, folder)
        for step, known in sorted(self._checkpoints.items()):
            best = self.state.best is not None and step == self.state.best.step
            now_is = known.model_copy(update={"best": best, "kept": step in there})
            if now_is != self._told.get(step):
                self._checkpoints[step] = self._told[step] = now_is
                yield Saved(table="checkpoints", document=now_is.model_dump(mode="json"))

    def _checkpoint(self, step: int, folder: Path) -> Checkpoint:
        look = saves.read_state(folder).last_look
        return Checkpoint(
            id=f"{self.job.id}-{step}",
            run_id=self.job.id,
            step=step,
            path=self.job.workspace.relative(folder),
            valid_loss=look.loss if look and look.step == step else None,
        )

    def _check_disk(self) -> None:
        needed = saves.size_needed(self.trainer)
        if shutil.disk_usage(self.job.folder).free < needed:
            raise disk_full(self.job.folder, needed)

    def _run_document(self, **changes: object) -> Saved:
        known = {
            "steps": self.state.step,
            "first_valid_loss": self.state.first_loss,
            "best_valid_loss": self.state.best.loss if self.state.best else None,
        }
        self.document = self.document.model_copy(update=known | changes)
        return Saved(table="training_runs", document=self.document.model_dump(mode="json"))

    def _ran_out_of_patience(self) -> bool:
        patience = self.config.patience
        return patience is not None and self.state.looks_without_gain >= patience

    def _end(self, command: str | None) -> Iterator[Event]:
        if command == "stop_and_save":
            yield from self._save()
        stopped = command is not None
        yield Stage(name="train", state="done", detail=f"step {self.state.step:,} of {self.steps:,}")
        yield self._run_document(state="stopped" if stopped else "done", ended_at=now())
        best, first = self.state.best, self.state.first_loss
        losses = (
            f", validation loss {first:.3f} → {best.loss:.3f} (step {best.step:,})" if best and first else ""
        )
        reason = (
            "stopped at" if stopped else "out of patience at" if self._ran_out_of_patience() else "trained"
        )
        yield Finished(
            state="stopped" if stopped else "done",
            summary=f"{self.document.name}: {reason} {self.state.step:,} of {self.steps:,} steps{losses}",
            result={
                "run_id": self.job.id,
                "checkpoint_id": self._checkpoint_to_use(),
                "steps": self.state.step,
                "first_valid_loss": first,
                "best_valid_loss": best.loss if best else None,
                "tokens": self.state.tokens,
                "tokens_per_second": self.state.tokens / self.state.seconds if self.state.seconds else None,
            },
        )

    def _checkpoint_to_use(self) -> str | None:
        """Return the best checkpoint's id, else the newest's."""
        best = next((known.id for known in self._checkpoints.values() if known.best), None)
        newest = max(self._checkpoints, default=None)
        return best or (self._checkpoints[newest].id if newest is not None else None)


def _told_checkpoints(job: JobContext) -> dict[int, Checkpoint]:
    """Return what earlier lives of this job told of its checkpoints, by step."""
    told = (
        Checkpoint.model_validate(item.event.document)
        for item in job.previous()
        if isinstance(item.event, Saved) and item.event.table == "checkpoints"
    )
    return {checkpoint.step: checkpoint for checkpoint in told}
