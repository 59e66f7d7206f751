"""Looking at a model in training: its loss on the validation set and its replies to fixed prompts."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence

from studio.jobs.train.objectives import Item
from studio.jobs.train.trainer import Trainer
from studio.lm.generate import generate_replies
from studio.lm.load import Loaded
from studio.lm.mlx import mx
from studio.lm.sampling import Sampling

PROMPTS = (
    "Merhaba! Bugün sana ne diye hitap edeyim?",
    "My build fails and I am tired. Where do I start?",
)
"""Asked at each look, the same in every run, so that runs can be compared."""


def validation(trainer: Trainer, items: Sequence[Item]) -> Generator[None, None, dict[str, float]]:
    """Return the mean loss over `items` as `valid_loss` and, of preferences, their measures; without dropout.

    Yields after each batch, so that a person who wants something need not wait for the end.

    Raises:
        DivergedError: it is infinite or no number.
        PoisonedError: that of some items alone is.
    """
    config = trainer.config
    ordered = sorted(items, key=len)
    size = -(-config.batch // config.parts)
    groups = [ordered[at : at + size] for at in range(0, len(ordered), size)]
    if config.eval_batches is not None and config.eval_batches < len(groups):
        # Evenly over the lengths, so that a part stands for the whole.
        groups = [groups[index * len(groups) // config.eval_batches] for index in range(config.eval_batches)]
    total, weight = 0.0, 0
    measures: dict[str, float] = {}
    for group in groups:
        trainer.model.eval()
        loss, sums = trainer.summed_loss(group)
        mx.eval(loss, sums)
        if not math.isfinite(float(loss)):
            trainer.explain(group, f"validation loss {float(loss)}")
        total += float(loss)
        measures = {name: measures.get(name, 0.0) + float(value) for name, value in sums.items()}
        weight += trainer.objective.weight(group)
        yield
    means = {f"valid_{name}": value / weight for name, value in measures.items()}
    return {"valid_loss": total / weight} | means


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
