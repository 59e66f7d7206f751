"""The losses of a run as two curves, thinned to what a chart of some width can show. Knows nothing of Textual."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field

Point = tuple[float, float]
"""A step and a loss."""


@dataclass
class LossHistory:
    """Train loss at each logged step, and the few validation points."""

    train: list[Point] = field(default_factory=list)
    valid: list[Point] = field(default_factory=list)

    def add(self, step: int, loss: float | None, valid_loss: float | None) -> None:
        """Take in what a step reported; a loss that is not a number cannot be drawn and is left out."""
        if loss is not None and math.isfinite(loss):
            self._put(self.train, (float(step), loss))
        if valid_loss is not None and math.isfinite(valid_loss):
            self._put(self.valid, (float(step), valid_loss))

    @staticmethod
    def _put(points: list[Point], point: Point) -> None:
        # A resumed run says some steps again: the newer word counts.
        while points and points[-1][0] > point[0]:
            points.pop()
        if points and points[-1][0] == point[0]:
            points[-1] = point
        else:
            insort(points, point)

    @property
    def best(self) -> Point | None:
        """The lowest validation loss and its step."""
        return min(self.valid, key=lambda point: point[1], default=None)


def smoothed(points: Sequence[Point], weight: float = 0.9) -> list[Point]:
    """Return the exponential moving average of the losses, bias-corrected as in Adam, at the same steps."""
    mean, made = 0.0, []
    for number, (step, loss) in enumerate(points, 1):
        mean = weight * mean + (1 - weight) * loss
        made.append((step, mean / (1 - weight**number)))
    return made


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most `most` points: the means of equal runs of them, the last point kept as it is."""
    if len(points) <= most or most < 2:
        return list(points)
    size = len(points) / (most - 1)
    made = []
    for place in range(most - 1):
        part = points[int(place * size) : max(int(place * size) + 1, int((place + 1) * size))]
        made.append((sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)))
    return [*made, points[-1]]


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers (1, 2 or 5 times a power of ten apart) within `low`..`high`, about `most` of them."""
    if not high > low:
        return [low]
    raw = (high - low) / max(1, most)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [place * step for place in range(first, last + 1)] or [low]
