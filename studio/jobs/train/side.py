"""Some of a step's batches computed in a second process, while the run's own computes the others.

The sum of the gradients is taken in the batches' order: the result is that of one process, bit for bit, at the same
number of threads in each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from studio.jobs.process.side import SideProcess

if TYPE_CHECKING:
    from studio.jobs.process.context import JobContext
    from studio.jobs.train.config import Spec

Arrays = dict[str, np.ndarray[Any, Any]]
"""Adapter weights or their gradients, by name."""


@dataclass(frozen=True)
class Task:
    """One batch of a step."""

    step: int
    index: int
    """Which batch of the step: dropout follows from it."""
    lessons: tuple[int, ...]
    targets: int
    """Of the whole step (pairs, where those are learned from): what the loss is divided by."""


@dataclass(frozen=True)
class Part:
    """What one batch adds to a step."""

    loss: float
    gradient: Arrays
    measures: dict[str, float]


Request: TypeAlias = tuple[Sequence[Task], Arrays]
"""Batches, and the adapters' weights that they are computed at."""
Side: TypeAlias = SideProcess[Request, list[Part]]


def start_side(spec: Spec, job: JobContext) -> Side:
    """Start the second process of a run."""
    return SideProcess(_trainer, spec, job)


def _trainer(spec: Spec, job: JobContext) -> Callable[[Request], list[Part]]:
    from studio.jobs.train.dataset import read_about
    from studio.jobs.train.setup import Setup

    trainer = Setup(spec, job, read_about(job.folder)).whole().trainer

    def respond(request: Request) -> list[Part]:
        tasks, weights = request
        trainer.model.update(as_tree(weights))
        return [trainer.served(task) for task in tasks]

    return respond


def as_arrays(tree: Any) -> Arrays:
    """Flatten a tree of MLX arrays into NumPy ones, by name."""
    from studio.lm.mlx import tree_flatten

    return {name: np.array(value) for name, value in tree_flatten(tree)}


def as_tree(arrays: Arrays) -> Any:
    """Do the reverse of `as_arrays`."""
    from studio.lm.mlx import mx, tree_unflatten

    return tree_unflatten([(name, mx.array(value)) for name, value in arrays.items()])
