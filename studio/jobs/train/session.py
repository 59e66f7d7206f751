"""A run from its data to its last checkpoint, step by step."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator

from store.models import TrainingRun, now
from studio.jobs.events import Event, Finished, Log, Metrics, Progress, Sample, Saved, Stage
from studio.jobs.process.context import JobContext
from studio.jobs.train import saves, states
from studio.jobs.train.awake import SleepWatch
from studio.jobs.train.checkpoints import Checkpoints
from studio.jobs.train.config import Spec
from studio.jobs.train.dataset import About
from studio.jobs.train.evaluation import sample_replies, validation
from studio.jobs.train.room import check_room
from studio.jobs.train.safer import take_acceptance
from studio.jobs.train.setup import Setup
from studio.jobs.train.side import Side, start_side
from studio.jobs.train.trainer import DivergedError, StepResult
from studio.lm.mlx import mx, on_metal

_RECENT = 20
"""Steps over which rate and time left are averaged."""

_EXPLODED = 1.5
"""A mean loss of recent steps so many times the one before the first step, and half a nat more, is a divergence."""


class Session:
    """One life of a run's process: sets up, goes on from what was saved, trains, looks, saves.

    Whatever is wanted of it (pause, stop) is looked for between any two steps, between the parts of the setup and
    between the batches of a look; a look that is given up is done again before the next step.
    """

    def __init__(self, spec: Spec, job: JobContext, about: About, document: TrainingRun) -> None:
        self.spec = spec
        self.config = spec.config
        self.job = job
        self.about = about
        self.document = document
        self._here = saves.environment()
        self._found = states.latest(job.folder, about.sha256)
        self.state = states.RunState(dataset_sha256=about.sha256, environment=self._here)
        if self._found is not None:
            self.state = self._found[0]
        self._checkpoints = Checkpoints(job)
        self._recent: deque[StepResult] = deque(maxlen=_RECENT)
        self._saved_at = time.monotonic()
        self._sleep = SleepWatch()

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield all that happens, `Finished` last."""
        yield Stage(name="set up", state="running", detail=f"loading {self.spec.base}")
        self.setup = Setup(self.spec, self.job, self.about)
        for _ in self.setup.parts():
            async for event in self.job.control.hold():
                yield event
            if self.job.control.stopping:
                yield Stage(name="set up", state="skipped", detail="stopped before the first step")
                for event in self._end(stopped=True):
                    yield event
                return
        side = self._side_process()
        try:
            async for event in self._run():
                yield event
        finally:
            if side is not None:
                side.close()

    def _side_process(self) -> Side | None:
        """Start the second process where it is asked for and of use."""
        if self.config.processes == 1 or on_metal():
            return None
        side = self.setup.trainer.side = start_side(self.spec, self.job)
        return side

    async def _run(self) -> AsyncGenerator[Event, None]:
        self.trainer = self.setup.trainer
        self.steps = self.trainer.plan.steps
        for event in self.setup.notes():
            yield event
        async for event in self._begin():
            yield event
        yield Stage(name="set up", state="done", detail=f"{self.steps:,} steps")
        yield Stage(name="train", state="running", detail=f"step {self.state.step:,} of {self.steps:,}")
        while not self.job.control.stopping and not self._is_over():
            if self.job.control.requested() == "pause":
                for event in self._save():
                    yield event
                async for event in self.job.control.hold():
                    yield event
            else:
                for event in self._look() if self._look_is_due() else self._step():
                    yield event
        stopped = not self._is_over()
        if stopped and self.job.control.requested() == "stop_and_save":
            for event in self._save():
                yield event
        for event in self._end(stopped=stopped):
            yield event

    def _is_over(self) -> bool:
        """Say whether there is nothing left to do."""
        return not self._look_is_due() and (self.state.step >= self.steps or self._ran_out_of_patience())

    async def _begin(self) -> AsyncGenerator[Event, None]:
        """Go on from the newest saved state where there is one; ask first where this is not where it was made."""
        check_room(self.trainer, self.job.folder)
        accepted = take_acceptance(self.job.folder)
        if self._found is None:
            return
        here, (_, folder) = self._here, self._found
        saves.restore(self.trainer, folder)
        yield Log(text=f"Going on after step {self.state.step:,}, from {folder.name}.")
        if changed := saves.differences(self.state.environment, here):
            warning = (
                f"This is not where the state was saved: {changed}. Losses may differ in their last bits."
            )
            yield Log(level="warning", text=warning)
            if not accepted:
                async for event in self.job.control.ask(f"{warning} Resume to go on here, or stop."):
                    yield event
        self.state = self.state.model_copy(update={"environment": here})
        for event in self._checkpoints.tell(self.state.best):
            yield event

    def _step(self) -> Iterator[Event]:
        result = self.trainer.step(self.state.step + 1)
        self.state = self.state.model_copy(
            update={
                "step": result.step,
                "tokens": self.state.tokens + result.tokens,
                "seconds": self.state.seconds + result.seconds,
            }
        )
        yield self._metrics(result)
        self._recent.append(result)
        self._check_course()
        if slept := self._sleep.slept():
            yield Log(
                level="warning", text=f"The machine slept for {slept / 60:,.0f} minutes; nothing is lost."
            )
        if not self._look_is_due():
            yield from self._save_if_due()
        mean = sum(known.seconds for known in self._recent) / len(self._recent)
        yield Progress(
            done=result.step,
            total=self.steps,
            unit="steps",
            label=f"loss {result.loss:.3f}",
            rate=1 / mean,
            eta_seconds=mean * (self.steps - result.step),
        )

    def _check_course(self) -> None:
        """Raise where the loss runs away, long before it is no number.

        Raises:
            DivergedError: it does.
        """
        first = self.state.first_loss
        if first is None or len(self._recent) < self._recent.maxlen:  # type: ignore[operator]
            return
        mean = sum(known.loss for known in self._recent) / len(self._recent)
        if mean > _EXPLODED * first + 0.5:
            raise DivergedError(
                f"the mean loss of {len(self._recent)} steps is {mean:.2f}, it began at {first:.2f}"
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
            }
            | result.measures,
        )

    def _look_is_due(self) -> bool:
        """Say whether the validation loss of this step is wanted and not known yet."""
        step, last = self.state.step, self.state.last_look
        if last is not None and last.step == step:
            return False
        return step == 0 or step >= self.steps or step % self.config.eval_every == 0

    def _look(self) -> Iterator[Event]:
        """Evaluate, remember the best, show sample replies, save; given up when something is wanted of the run."""
        step, found = self.state.step, dict[str, float]()
        looking = validation(self.trainer, self.setup.valid_items)
        while True:
            try:
                next(looking)
            except StopIteration as end:
                found = end.value
                break
            if self.job.control.stopping or self.job.control.requested() == "pause":
                return
        best = self.state.best
        self._remember(states.Best(step=step, loss=found["valid_loss"]))
        yield Metrics(step=step, values=found | {"epoch": self.trainer.plan.epoch(step)})
        if self.config.sample_tokens:
            replies = sample_replies(
                self.setup.loaded, self.about.system_prompt, max_tokens=self.config.sample_tokens
            )
            for prompt, reply in replies:
                yield Sample(step=step, prompt=prompt, reply=reply)
        yield self._run_document()
        yield from self._save_if_due(improved=self.state.best != best)

    def _remember(self, look: states.Best) -> None:
        changes: dict[str, object] = {"last_look": look}
        if look.step == 0:
            changes["first_loss"] = look.loss
        elif self.state.best is None or look.loss < self.state.best.loss:
            changes |= {"best": look, "looks_without_gain": 0}
        else:
            changes["looks_without_gain"] = self.state.looks_without_gain + 1
        self.state = self.state.model_copy(update=changes)

    def _save_if_due(self, *, improved: bool = False) -> Iterator[Event]:
        step = self.state.step
        slow = time.monotonic() - self._saved_at > self.config.save_minutes * 60
        if improved or slow or step >= self.steps or step % self.config.save_every == 0:
            yield from self._save()

    def _save(self) -> Iterator[Event]:
        """Save the state, make room by dropping older ones, tell of it."""
        if self.state.step == 0:
            return
        check_room(self.trainer, self.job.folder, states_wanted=1)
        saves.save(self.trainer, self.state, self.setup.adapter_config, self.job.folder)
        self._saved_at = time.monotonic()
        states.prune(self.job.folder, self.state.best)
        yield from self._checkpoints.tell(self.state.best)

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

    def _end(self, *, stopped: bool) -> Iterator[Event]:
        step, best, first = self.state.step, self.state.best, self.state.first_loss
        if hasattr(self, "steps"):
            yield Stage(name="train", state="done", detail=f"step {step:,} of {self.steps:,}")
            of = f"{step:,} of {self.steps:,} steps"
        else:
            of = "the setup"
        yield self._run_document(state="stopped" if stopped else "done", ended_at=now())
        losses = (
            f", validation loss {first:.3f} → {best.loss:.3f} (step {best.step:,})" if best and first else ""
        )
        reason = (
            "stopped at" if stopped else "out of patience at" if self._ran_out_of_patience() else "trained"
        )
        yield Finished(
            state="stopped" if stopped else "done",
            summary=f"{self.document.name}: {reason} {of}{losses}",
            result={
                "run_id": self.job.id,
                "checkpoint_id": self._checkpoints.to_use,
                "steps": step,
                "first_valid_loss": first,
                "best_valid_loss": best.loss if best else None,
                "tokens": self.state.tokens,
                "tokens_per_second": self.state.tokens / self.state.seconds if self.state.seconds else None,
            },
        )
