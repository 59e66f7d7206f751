"""Gradient checkpointing: layers are computed again on the way back instead of being kept."""

from __future__ import annotations

from typing import Any

from studio.jobs.train.seeds import seed_of
from studio.lm.mlx import Module, mx


class Recompute:
    """Lets a model's layers forget their activations.

    Dropout has to draw the same numbers both times, so each layer starts from a seed of its own: `seed`, which
    the trainer sets for every batch, and the layer's number.
    """

    def __init__(self, model: Module) -> None:
        """Take hold of the model's layers."""
        self.seed = 0
        for number, layer in enumerate(model.layers):
            layer.__class__ = self._recomputing(type(layer), number)

    def _recomputing(self, plain: type[Any], number: int) -> type[Any]:
        recompute = self

        class Recomputing(plain):  # type: ignore[misc]  # a class made at run time
            def __call__(self, hidden: Any, *arguments: Any, **named: Any) -> Any:
                if not self.training:
                    return super().__call__(hidden, *arguments, **named)

                def inner(parameters: Any, hidden: mx.array) -> Any:
                    mx.random.seed(seed_of(recompute.seed, number))
                    self.update(parameters)
                    return plain.__call__(self, hidden, *arguments, **named)

                return mx.checkpoint(inner)(self.trainable_parameters(), hidden)

        return Recomputing
