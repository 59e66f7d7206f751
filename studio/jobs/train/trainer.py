"""The optimizer's steps over a model's adapters: the state of a run and what moves it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from studio.jobs.train.batches import Batch, Plan, make_batch
from studio.jobs.train.config import TrainingConfig
from studio.jobs.train.forward import Forward, losses
from studio.jobs.train.objectives import Item, objective
from studio.jobs.train.recompute import Recompute
from studio.jobs.train.schedule import learning_rate
from studio.jobs.train.seeds import seed_of
from studio.jobs.train.side import Part, Side, Task, as_arrays, as_tree
from studio.lm.mlx import Module, mx, nn, optim, tree_flatten, tree_map, tree_unflatten

_OTHERS = 4
"""Items asked whether the model is well, where all of a step's are not."""


class DivergedError(ArithmeticError):
    """The loss or the gradient is no number any more, or far above where it began."""


class PoisonedError(ArithmeticError):
    """The loss of a few items alone is no number, while that of others is; `examples` are their ids."""

    def __init__(self, examples: Sequence[str]) -> None:
        super().__init__(", ".join(examples))
        self.examples = tuple(examples)


@dataclass(frozen=True)
class StepResult:
    """What one optimizer update was."""

    step: int
    loss: float
    """Mean cross entropy of a target, in nats; of preferences, the mean loss of a pair."""
    learning_rate: float
    grad_norm: float
    """Before clipping."""
    tokens: int
    """Tokens of the examples in it."""
    targets: int
    padding: float
    """Share of padding in what was computed, 0..1."""
    seconds: float
    measures: dict[str, float] = field(default_factory=dict)
    """Of preferences: mean over the pairs, by name."""


class Trainer:
    """A model in training. The same state and step number give the same result, bit for bit on a CPU."""

    def __init__(self, model: Module, lessons: Sequence[Item], config: TrainingConfig) -> None:
        """Take a model with adapters attached and what it shall learn."""
        self.model = model
        self.config = config
        self.lessons = lessons
        self.objective = objective(config)
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
        if config.optimizer == "adam":
            self.optimizer = optim.Adam(config.learning_rate, bias_correction=True)
        else:
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
            PoisonedError: likewise, and it comes from some of the items alone.
        """
        began = time.perf_counter()
        order = self._parts_of(self.plan.step(number))
        items = [[self.lessons[index] for index in indexes] for indexes in order]
        batches = [self.batch(some) for some in items]
        weight = sum(self.objective.weight(some) for some in items)
        tasks = [Task(number, index, tuple(indexes), weight) for index, indexes in enumerate(order)]
        loss, gradient, measures = 0.0, None, dict[str, float]()
        for value, part, sums in self._parts(tasks):
            gradient = part if gradient is None else tree_map(mx.add, gradient, part)
            mx.eval(gradient)
            loss += value
            measures = {name: measures.get(name, 0.0) + added / weight for name, added in sums.items()}
        gradient, norm = optim.clip_grad_norm(gradient, self.config.clip)
        grad_norm = float(norm.item())
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):
            self.explain([item for some in items for item in some], f"loss {loss}, gradient norm {grad_norm}")
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
            targets=sum(len(batch.labels) for batch in batches),
            padding=padding / (tokens + padding),
            seconds=time.perf_counter() - began,
            measures=measures,
        )

    def _parts_of(self, batches: Sequence[Sequence[int]]) -> list[Sequence[int]]:
        """Cut each batch into the parts that are computed one after the other."""
        size = -(-self.config.batch // self.config.parts)
        return [batch[at : at + size] for batch in batches for at in range(0, len(batch), size)]

    def _parts(self, tasks: Sequence[Task]) -> Iterator[tuple[float, Any, dict[str, float]]]:
        """Yield what each task adds, in their order; every second one comes from the side process."""
        if self.side is None or len(tasks) == 1:
            yield from (self.part(task) for task in tasks)
            return
        self.side.ask((tasks[1::2], as_arrays(self.model.trainable_parameters())))
        own = [self.part(task) for task in tasks[::2]]
        theirs = [(part.loss, as_tree(part.gradient), part.measures) for part in self.side.answer()]
        for index in range(len(tasks)):
            yield (theirs if index % 2 else own)[index // 2]

    def part(self, task: Task) -> tuple[float, Any, dict[str, float]]:
        """Return what one batch adds to its step: its share of the loss, the gradient as a tree, sums of measures."""
        self.model.train()
        self._seed_dropout(task.step, task.index)
        items = [self.lessons[index] for index in task.lessons]
        (loss, sums), gradient = self._loss_and_gradient(self.batch(items), items, task.targets)
        mx.eval(loss, sums, gradient)
        measures = {name: float(value.item()) for name, value in sums.items()}
        # Flattened and back: a gradient that came from another process has none of the tree's empty branches either.
        return float(loss.item()), tree_unflatten(tree_flatten(gradient)), measures

    def served(self, task: Task) -> Part:
        """Return `part` in a form that goes through a pipe."""
        loss, gradient, measures = self.part(task)
        return Part(loss, as_arrays(gradient), measures)

    def _seed_dropout(self, step: int, index: int) -> None:
        """Let dropout follow from the place in the run alone: a kill has no random state to lose."""
        seed = seed_of(self.config.seed, step, index)
        mx.random.seed(seed)
        if self._recompute is not None:
            self._recompute.seed = seed

    def batch(self, items: Sequence[Item]) -> Batch:
        """Put items side by side as this model can read them."""
        # Recomputed layers would lose the gradient that runs through a shared prefix's keys.
        share = self.forward.shares_prefix and not self.config.checkpointing
        return make_batch(self.objective.rows(items), share_prefix=share)

    def target_losses(self, batch: Batch) -> mx.array:
        """Return the cross entropy of each target of a batch, (targets,)."""
        return losses(self.forward.logits(batch), mx.array(batch.labels))

    def summed_loss(self, items: Sequence[Item], batch: Batch | None = None) -> tuple[mx.array, Any]:
        """Return the loss of `items`, not yet divided by their weight, and the sums of their measures."""
        batch = batch or self.batch(items)
        return self.objective.summed(self.target_losses(batch), batch, items)

    def explain(self, items: Sequence[Item], what: str) -> None:
        """Find out whether the model or its data are to blame for a loss that is no number.

        Raises:
            PoisonedError: some items alone have such a loss.
            DivergedError: all have, or none alone.
        """
        ill = [item for item in items if not self._is_finite(item)]
        known = {id(item) for item in items}
        others = [item for item in self.lessons[: _OTHERS + len(items)] if id(item) not in known][:_OTHERS]
        if ill and (len(ill) < len(items) or any(self._is_finite(item) for item in others)):
            raise PoisonedError(sorted({item.example for item in ill}))
        raise DivergedError(what)

    def _is_finite(self, item: Item) -> bool:
        self.model.eval()
        loss, _ = self.summed_loss([item])
        return math.isfinite(float(loss))

    def _loss(self, batch: Batch, items: Sequence[Item], weight: int) -> tuple[mx.array, Any]:
        """Weigh by the step's targets, so that a step of small batches equals one of a big batch."""
        loss, sums = self.summed_loss(items, batch)
        return loss / weight, sums
