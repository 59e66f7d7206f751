"""Judging many by a few: how large a random sample has to be, and what it says about the rest."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import ceil, sqrt
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from studio.jobs.review.filters import Filter

Z95 = 1.959963984540054
"""The normal distribution's 97.5 % point."""


class Share(NamedTuple):
    """A share with its 95 % interval, all in 0..1."""

    mean: float
    low: float
    high: float


class Sample(BaseModel):
    """A random part of what passed a filter, in the order in which it is looked at."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    drawn_from: Filter
    population: int
    """How many it stands for."""
    ids: tuple[str, ...]
    margin: float
    """Half the width of the 95 % interval, 0..1, that its size was chosen for."""
    seed: int

    def basis(self, accepted: int, decided: int) -> str:
        """Return the sentence that a bulk decision records: what it rests on."""
        share = wilson(accepted, decided)
        return (
            f"sample: {accepted} of {decided} accepted, {share.mean:.0%} ({share.low:.0%} to {share.high:.0%}), "
            f"of {self.population}, seed {self.seed}"
        )


def sample_size(margin: float, population: int) -> int:
    """Return how many to look at so that a share is known to ± `margin` (0..1) at 95 %, at worst (a share of half).

    Cochran's formula with the correction for a finite population: n0 = z² / 4 margin², n = n0 / (1 + (n0 - 1) / N).
    """
    if population <= 0:
        return 0
    wanted = Z95**2 / (4 * margin**2)
    return min(population, ceil(wanted / (1 + (wanted - 1) / population)))


def wilson(successes: int, trials: int) -> Share:
    """Return a share with its 95 % interval by Wilson's score, which holds for few trials and for shares near 0 and 1.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
    """
    if trials == 0:
        return Share(0.0, 0.0, 1.0)
    mean = successes / trials
    squared = Z95**2
    middle = (mean + squared / (2 * trials)) / (1 + squared / trials)
    half = Z95 / (1 + squared / trials) * sqrt(mean * (1 - mean) / trials + squared / (4 * trials**2))
    return Share(mean, max(0.0, min(mean, middle - half)), min(1.0, max(mean, middle + half)))


def draw(ids: Sequence[str], drawn_from: Filter, margin: float, seed: int) -> Sample:
    """Return a random sample of these ids, large enough for the margin; the same seed draws the same."""
    size = sample_size(margin, len(ids))
    chosen = random.Random(seed).sample(sorted(ids), size)  # noqa: S311 - a sample, not a secret
    return Sample(drawn_from=drawn_from, population=len(ids), ids=tuple(chosen), margin=margin, seed=seed)
