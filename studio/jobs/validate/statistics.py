"""Means with 95 % intervals, and paired differences, by the percentile bootstrap (Efron and Tibshirani, 1993)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RESAMPLES = 4000
_SEED = 20_260_501
"""Fixed, so that the same replies give the same interval."""


@dataclass(frozen=True)
class Interval:
    """A mean and the 95 % interval around it."""

    mean: float
    low: float
    high: float


def mean_interval(scores: Sequence[float]) -> Interval:
    """Return the mean of the scores with its bootstrap interval; shape (n,), any unit.

    Raises:
        ValueError: there are no scores.
    """
    import numpy as np

    if not scores:
        raise ValueError("an interval needs at least one score")
    values = np.asarray(scores, dtype=np.float64)
    picks = np.random.default_rng(_SEED).integers(0, len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high))


def paired_interval(scores: Sequence[float], against: Sequence[float]) -> Interval:
    """Return the mean difference over the same cases, in the same order, with its bootstrap interval.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    return mean_interval([a - b for a, b in zip(scores, against, strict=True)])
