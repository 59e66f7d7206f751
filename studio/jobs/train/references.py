"""DPO's reference model: how likely each reply was before the first step.

The reference is the model that the run begins with: the base, or the base with the adapter that it continues. Its
log-probabilities are all that DPO needs of it, so they are computed once and kept, and no second model is loaded.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from studio.jobs.process.files import write_atomically
from studio.jobs.train.dataset import FOLDER
from studio.jobs.train.objectives import LessonPair, summed_logprobs
from studio.jobs.train.trainer import Trainer
from studio.lm.mlx import mx


def with_references(
    trainer: Trainer, pairs: Sequence[LessonPair], folder: Path, name: str, key: str
) -> Generator[None, None, list[LessonPair]]:
    """Return the pairs with their references, from the kept file where its `key` is the same.

    The trainer's adapters have to be as they are before the first step where there is no such file. Yields after
    each batch.

    Raises:
        OSError: the disk is full.
    """
    kept = folder / FOLDER / f"{name}.reference.npz"
    values = _read(kept, key, len(pairs))
    if values is None:
        values = yield from _compute(trainer, pairs)
        content = io.BytesIO()
        np.savez(content, values=values, key=np.frombuffer(key.encode(), dtype=np.uint8))
        write_atomically(kept, content.getvalue())
    both = zip(pairs, values.tolist(), strict=True)
    return [replace(pair, reference=(chosen, rejected)) for pair, (chosen, rejected) in both]


def _compute(trainer: Trainer, pairs: Sequence[LessonPair]) -> Generator[None, None, np.ndarray]:
    values = np.zeros((len(pairs), 2), dtype=np.float32)
    order = sorted(range(len(pairs)), key=lambda index: len(pairs[index]))
    size = -(-trainer.config.batch // trainer.config.parts)
    for at in range(0, len(order), size):
        some = order[at : at + size]
        trainer.model.eval()
        batch = trainer.batch([pairs[index] for index in some])
        logprobs = summed_logprobs(trainer.target_losses(batch), batch).reshape(-1, 2)
        mx.eval(logprobs)
        values[some] = np.array(logprobs)
        yield
    return values


def _read(path: Path, key: str, count: int) -> np.ndarray | None:
    try:
        with np.load(path, allow_pickle=False) as kept:
            values: np.ndarray = kept["values"]
            return values if kept["key"].tobytes() == key.encode() and len(values) == count else None
    except (OSError, ValueError, KeyError):
        return None
