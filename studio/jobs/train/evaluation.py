"""Looking at a model in training: its loss on the validation set and its replies to fixed prompts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from studio.jobs.train.masks import Lesson
from studio.jobs.train.trainer import DivergedError, Trainer
from studio.lm.generate import generate_replies
from studio.lm.load import Loaded
from studio.lm.mlx import mx
from studio.lm.sampling import Sampling

PROMPTS = (
    "Merhaba! Bugün sana ne diye hitap edeyim?",
    "My build fails and I am tired. Where do I start?",
)
"""Asked at each look, the same in every run, so that runs can be compared."""


def validation_loss(trainer: Trainer, lessons: Sequence[Lesson]) -> float:
    """Return the mean cross entropy of all targets in `lessons`, in nats, without dropout.

    Raises:
        DivergedError: it is infinite or no number.
    """
    trainer.model.eval()
    config = trainer.config
    ordered = sorted(lessons, key=len)
    groups = [ordered[at : at + config.batch] for at in range(0, len(ordered), config.batch)]
    if config.eval_batches is not None and config.eval_batches < len(groups):
        # Evenly over the lengths, so that a part stands for the whole.
        groups = [groups[index * len(groups) // config.eval_batches] for index in range(config.eval_batches)]
    total, targets = 0.0, 0
    for group in groups:
        batch = trainer.batch(group)
        loss = trainer.summed_loss(batch)
        mx.eval(loss)
        total += float(loss)
        targets += len(batch.labels)
    if not math.isfinite(total):
        raise DivergedError(f"validation loss {total / targets}")
    return total / targets


def sample_replies(loaded: Loaded, system_prompt: str, *, max_tokens: int) -> list[tuple[str, str]]:
    """Return each fixed prompt with the likeliest reply, at most `max_tokens` long."""
    loaded.model.eval()
    conversations = [
        [{"role": "system", "content": system_prompt}, {"role": "user", "content": prompt}]
        for prompt in PROMPTS
    ]
    greedy = Sampling(temperature=0.0, repeat_penalty=1.0)
    replies = generate_replies(loaded, conversations, greedy, max_tokens=max_tokens)
    return list(zip(PROMPTS, replies, strict=True))
