"""Which lessons go together, in which order: by length, seeded, nothing left behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from studio.jobs.train.masks import Lesson

_JITTER = 0.06
"""Lengths are blurred by this share before sorting, so that batches differ from epoch to epoch."""

_SHORTEST_PREFIX = 16
"""A shared beginning of fewer tokens is not worth a pass of its own."""


@dataclass(frozen=True)
class Batch:
    """Lessons side by side, padded at the end to the longest.

    What all of them begin with (the system prompt) stands once, in `prefix`.
    """

    prefix: np.ndarray[Any, np.dtype[np.int32]]
    """(shared,): may be empty."""
    inputs: np.ndarray[Any, np.dtype[np.int32]]
    """(lessons, longest − shared − 1): what follows the prefix, without each lesson's last token."""
    positions: np.ndarray[Any, np.dtype[np.int32]]
    """(targets,): where in the flattened inputs a target is predicted."""
    labels: np.ndarray[Any, np.dtype[np.int32]]
    """(targets,): what is to be predicted there."""
    tokens: int
    """Tokens of the lessons themselves, as a plain batch would have to read them."""
    padding: int
    """Tokens that are nothing."""
    rows: np.ndarray[Any, np.dtype[np.int32]] = field(default_factory=lambda: np.zeros(0, np.int32))
    """(targets,): in which lesson each target is."""


def make_batch(lessons: Sequence[Lesson], *, share_prefix: bool = True) -> Batch:
    """Put lessons side by side."""
    shared = _shared(lessons) if share_prefix else 0
    longest = max(len(lesson) for lesson in lessons)
    width = longest - shared - 1
    inputs = np.zeros((len(lessons), width), dtype=np.int32)
    positions, labels, rows = [], [], []
    for row, lesson in enumerate(lessons):
        rest = lesson.tokens[shared:-1]
        inputs[row, : len(rest)] = rest
        # The token at place p is predicted by what stands before it.
        places = np.flatnonzero(lesson.targets)
        positions.append(row * width + places - 1 - shared)
        labels.append(lesson.tokens[places])
        rows.append(np.full(len(places), row))
    tokens = sum(len(lesson) for lesson in lessons)
    return Batch(
        prefix=lessons[0].tokens[:shared],
        inputs=inputs,
        positions=np.concatenate(positions).astype(np.int32),
        labels=np.concatenate(labels).astype(np.int32),
        tokens=tokens,
        padding=len(lessons) * longest - tokens,
        rows=np.concatenate(rows).astype(np.int32),
    )


def _shared(lessons: Sequence[Lesson]) -> int:
    """Return how many tokens all lessons begin with, up to before the first target's predictor."""
    most = min(int(np.flatnonzero(lesson.targets)[0]) - 1 for lesson in lessons)
    first = lessons[0].tokens[:most]
    for lesson in lessons[1:]:
        differs = np.flatnonzero(first != lesson.tokens[: len(first)])
        if len(differs):
            first = first[: differs[0]]
    return len(first) if len(first) >= _SHORTEST_PREFIX else 0


class Plan:
    """The order of a run: a function of lengths, settings and seed alone, so that it need not be saved."""

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        batch: int,
        accumulation: int,
        epochs: int,
        seed: int,
        max_steps: int | None,
    ) -> None:
        self._lengths = np.asarray(lengths, dtype=np.float64)
        self._batch = batch
        self._accumulation = accumulation
        self._seed = seed
        batches = -(-len(lengths) // batch)
        self.steps_per_epoch = -(-batches // accumulation)
        whole = self.steps_per_epoch * epochs
        self.steps = whole if max_steps is None else min(whole, max_steps)

    def step(self, number: int) -> list[list[int]]:
        """Return the batches of step `number` (from 1), each a list of indexes of lessons."""
        epoch, within = divmod(number - 1, self.steps_per_epoch)
        first = within * self._accumulation
        return self._epoch(epoch)[first : first + self._accumulation]

    def epoch(self, number: int) -> float:
        """Return how many times the data has been seen after step `number`."""
        return number / self.steps_per_epoch

    @lru_cache(maxsize=2)  # noqa: B019 - a run has one plan
    def _epoch(self, epoch: int) -> list[list[int]]:
        random = np.random.default_rng([self._seed, epoch])
        blurred = self._lengths * random.uniform(1 - _JITTER, 1 + _JITTER, len(self._lengths))
        order = np.argsort(blurred, kind="stable")
        batches = [order[at : at + self._batch].tolist() for at in range(0, len(order), self._batch)]
        random.shuffle(batches)
        return batches
