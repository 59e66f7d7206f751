"""The optimizer's steps over a model's adapters: the state of a run and what moves it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from studio.jobs.train.batches import Batch, Plan, make_batch
from studio.jobs.train.config import TrainingConfig
from studio.jobs.train.forward import Forward, summed_loss
from studio.jobs.train.masks import Lesson
from studio.jobs.train.recompute import Recompute
from studio.jobs.train.schedule import learning_rate
from studio.jobs.train.seeds import seed_of
from studio.jobs.train.side import Side, Task, as_arrays, as_tree
from studio.lm.mlx import Module, mx, nn, optim, tree_flatten, tree_map, tree_unflatten


class DivergedError(ArithmeticError):
    """The loss or the gradient is no number any more."""


@dataclass(frozen=True)
class StepResult:
    """What one optimizer update was."""

    step: int
    loss: float
    """Mean cross entropy of a target, in nats."""
    learning_rate: float
    grad_norm: float
    """Before clipping."""
    tokens: int
    """Tokens of the examples in it."""
    targets: int
    padding: float
    """Share of padding in what was computed, 0..1."""
    seconds: float


class Trainer:
    """A model in training. The same state and step number give the same result, bit for bit on a CPU."""

    def __init__(self, model: Module, lessons: Sequence[Lesson], config: TrainingConfig) -> None:
        """Take a model with adapters attached and what it shall learn."""
        self.model = model
        self.config = config
        self.lessons = lessons
        self.plan = Plan(
            [len(lesson) for lesson in lessons],
            batch=config.batch,
            accumulation=config.accumulation,
            epochs=config.epochs,
            seed=config.seed,
            max_steps=config.max_steps,
        )
        self.forward = Forward(model)
        self._recompute = Recompute(model) if config.checkpointing else None
        self.optimizer = optim.AdamW(
            config.learning_rate, weight_decay=config.weight_decay, bias_correction=True
        )
        self.optimizer.init(model.trainable_parameters())
        self._loss_and_gradient = nn.value_and_grad(model, self._loss)
        self.side: Side | None = None
        """Computes every second batch of a step where there is one."""

    def step(self, number: int) -> StepResult:
        """Do optimizer update `number` (from 1).

        Raises:
            DivergedError: the loss or gradient is infinite or no number; the adapters are unchanged.
        """
        began = time.perf_counter()
        self.model.train()
        order = self.plan.step(number)
        batches = [self.batch([self.lessons[i] for i in indexes]) for indexes in order]
        targets = sum(len(batch.labels) for batch in batches)
        tasks = [Task(number, index, tuple(indexes), targets) for index, indexes in enumerate(order)]
        loss, gradient = 0.0, None
        for value, part in self._parts(tasks):
            gradient = part if gradient is None else tree_map(mx.add, gradient, part)
            mx.eval(gradient)
            loss += value
        gradient, norm = optim.clip_grad_norm(gradient, self.config.clip)
        grad_norm = float(norm.item())
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):
            raise DivergedError(f"loss {loss}, gradient norm {grad_norm}")
        rate = learning_rate(self.config, number, self.plan.steps)
        self.optimizer.learning_rate = mx.array(rate)
        self.optimizer.update(self.model, gradient)
        mx.eval(self.model.trainable_parameters(), self.optimizer.state)
        tokens = sum(batch.tokens for batch in batches)
        padding = sum(batch.padding for batch in batches)
        return StepResult(
            step=number,
            loss=loss,
            learning_rate=rate,
            grad_norm=grad_norm,
            tokens=tokens,
            targets=targets,
            padding=padding / (tokens + padding),
            seconds=time.perf_counter() - began,
        )

    def _parts(self, tasks: Sequence[Task]) -> Iterator[tuple[float, Any]]:
        """Yield loss and gradient of each batch in their order; every second one comes from the side process."""
        if self.side is None or len(tasks) == 1:
            yield from (self.part(task) for task in tasks)
            return
        self.side.ask((tasks[1::2], as_arrays(self.model.trainable_parameters())))
        own = [self.part(task) for task in tasks[::2]]
        theirs = [(part.loss, as_tree(part.gradient)) for part in self.side.answer()]
        for index in range(len(tasks)):
            yield (theirs if index % 2 else own)[index // 2]

    def part(self, task: Task) -> tuple[float, Any]:
        """Return what one batch adds to its step: its share of the loss, and the gradient as a tree."""
        self.model.train()
        self._seed_dropout(task.step, task.index)
        batch = self.batch([self.lessons[index] for index in task.lessons])
        loss, gradient = self._loss_and_gradient(batch, task.targets)
        mx.eval(loss, gradient)
        # Flattened and back: a gradient that came from another process has none of the tree's empty branches either.
        return float(loss.item()), tree_unflatten(tree_flatten(gradient))

    def _seed_dropout(self, step: int, index: int) -> None:
        """Let dropout follow from the place in the run alone: a kill has no random state to lose."""
        seed = seed_of(self.config.seed, step, index)
        mx.random.seed(seed)
        if self._recompute is not None:
            self._recompute.seed = seed

    def batch(self, lessons: Sequence[Lesson]) -> Batch:
        """Put lessons side by side as this model can read them."""
        # Recomputed layers would lose the gradient that runs through a shared prefix's keys.
        share = self.forward.shares_prefix and not self.config.checkpointing
        return make_batch(lessons, share_prefix=share)

    def summed_loss(self, batch: Batch) -> mx.array:
        """Return the summed loss of a batch, a scalar."""
        return summed_loss(self.forward.logits(batch), mx.array(batch.labels))

    def _loss(self, batch: Batch, targets: int) -> mx.array:
        """Weigh by the step's targets, so that a step of small batches equals one of a big batch."""
        return self.summed_loss(batch) / targets
