"""What a run minimizes: the cross entropy of replies, or a preference between two replies (DPO, ORPO).

DPO: Rafailov et al. 2023 (arXiv 2305.18290), equation 7. ORPO: Hong, Lee and Thorne 2024 (arXiv 2403.07691),
equations 4 to 7. Both as one batch of rows: each pair's chosen reply, then its rejected one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from studio.jobs.train.batches import Batch
from studio.jobs.train.config import TrainingConfig
from studio.jobs.train.masks import Lesson
from studio.lm.mlx import mx, nn


@dataclass(frozen=True)
class LessonPair:
    """A better and a worse reply to the same beginning."""

    chosen: Lesson
    rejected: Lesson
    reference: tuple[float, float] = (0.0, 0.0)
    """Log-probabilities of both replies, summed over their tokens, before the run: DPO's reference model."""

    def __len__(self) -> int:
        """Return what it takes in a batch, where the shorter reply is padded to the longer one."""
        return 2 * max(len(self.chosen), len(self.rejected))

    @property
    def example(self) -> str:
        """The id of what it was made of."""
        return self.chosen.example


Item: TypeAlias = Lesson | LessonPair
Measures: TypeAlias = dict[str, mx.array]
"""Sums over a batch's items, by name."""


class Replies:
    """The mean cross entropy of every target of a step."""

    def rows(self, items: Sequence[Item]) -> list[Lesson]:
        """Return the rows of a batch of `items`."""
        return [item for item in items if isinstance(item, Lesson)]

    def weight(self, items: Sequence[Item]) -> int:
        """Return what the sum over `items` is to be divided by, over a whole step."""
        return sum(int(lesson.targets.sum()) for lesson in self.rows(items))

    def summed(self, losses: mx.array, batch: Batch, items: Sequence[Item]) -> tuple[mx.array, Measures]:
        """Return the batch's loss before that division, a scalar; `losses` are its targets', (targets,)."""
        return losses.sum(), {}


class Preferences(Replies):
    """What DPO and ORPO share."""

    def __init__(self, beta: float) -> None:
        self.beta = beta

    def rows(self, items: Sequence[Item]) -> list[Lesson]:
        """Return chosen and rejected of each pair, in turn."""
        return [row for pair in items if isinstance(pair, LessonPair) for row in (pair.chosen, pair.rejected)]

    def weight(self, items: Sequence[Item]) -> int:
        """Return the number of pairs: each counts the same, however long its replies are."""
        return len(items)


class Dpo(Preferences):
    """−log σ(β · (log π/π_ref of the chosen reply − log π/π_ref of the rejected one)), a pair."""

    def summed(self, losses: mx.array, batch: Batch, items: Sequence[Item]) -> tuple[mx.array, Measures]:
        """Return the sum over the pairs."""
        reference = mx.array([pair.reference for pair in items if isinstance(pair, LessonPair)])
        # (pairs, 2): how much likelier each reply became.
        gained = self.beta * (summed_logprobs(losses, batch).reshape(-1, 2) - reference)
        margins = gained[:, 0] - gained[:, 1]
        return -nn.log_sigmoid(margins).sum(), _measures(margins)


class Orpo(Preferences):
    """The chosen reply's mean cross entropy − λ · log σ(log odds of chosen ÷ odds of rejected), a pair.

    A reply's probability is the geometric mean of its tokens'; its odds are p ÷ (1 − p).
    """

    def summed(self, losses: mx.array, batch: Batch, items: Sequence[Item]) -> tuple[mx.array, Measures]:
        """Return the sum over the pairs."""
        lengths = mx.array([[int(row.targets.sum())] for row in self.rows(items)], mx.float32)
        mean = (summed_logprobs(losses, batch)[:, None] / lengths).reshape(-1, 2)
        odds = mean - _log_of_rest(mean)
        margins = odds[:, 0] - odds[:, 1]
        return (-mean[:, 0] - self.beta * nn.log_sigmoid(margins)).sum(), _measures(margins)


def objective(config: TrainingConfig) -> Replies:
    """Return what `config` asks for."""
    match config.method:
        case "dpo":
            return Dpo(config.beta)
        case "orpo":
            return Orpo(config.beta)
        case _:
            return Replies()


def summed_logprobs(losses: mx.array, batch: Batch) -> mx.array:
    """Return the log-probability of each row's targets together, (rows,)."""
    rows = mx.zeros((len(batch.inputs),), mx.float32)
    return rows.at[mx.array(batch.rows)].add(-losses)


def _log_of_rest(logprob: mx.array) -> mx.array:
    """Return log(1 − p) for log p, without cancellation on either side (Mächler 2012)."""
    # A reply that is certain has no odds; below one float step from it they are called the same.
    logprob = mx.minimum(logprob, -1e-7)
    near = logprob > -math.log(2)
    # `where` has a gradient through both branches: each sees only numbers that it can take.
    close, far = mx.where(near, logprob, -1.0), mx.where(near, -1.0, logprob)
    return mx.where(near, mx.log(-mx.expm1(close)), mx.log1p(-mx.exp(far)))


def _measures(margins: mx.array) -> Measures:
    """Return how often and by how much the chosen reply is ahead, as sums over the pairs."""
    margins = mx.stop_gradient(margins)
    return {"preferred": (margins > 0).sum().astype(mx.float32), "margin": margins.sum()}
