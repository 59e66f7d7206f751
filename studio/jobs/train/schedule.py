"""The learning rate at a step."""

from __future__ import annotations

import math

from studio.jobs.train.config import TrainingConfig


def warmup_steps(config: TrainingConfig, steps: int) -> int:
    """Return the steps of rising, at most a tenth of the run: a run shorter than its warmup learns nothing."""
    return min(config.warmup, steps // 10)


def learning_rate(config: TrainingConfig, step: int, steps: int) -> float:
    """Return the rate of step `step` (from 1) of `steps`: a linear rise, then the schedule down to 0.

    The cosine is Loshchilov and Hutter's (2017) without restarts, as in transformers' scheduler of this name.
    """
    warmup = warmup_steps(config, steps)
    if step <= warmup:
        return config.learning_rate * step / (warmup + 1)
    # The last step still learns: the rate would be 0 one step after it.
    done = (step - 1 - warmup) / max(1, steps - warmup)
    if config.schedule == "cosine":
        return config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
    if config.schedule == "linear":
        return config.learning_rate * (1 - done)
    return config.learning_rate
