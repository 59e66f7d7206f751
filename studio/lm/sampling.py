"""How the next token is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Conversation = Sequence[Mapping[str, str]]
"""Messages with `role` and `content`, the last of them a user's."""

REPEAT_CONTEXT = 64
"""Tokens that the repeat penalty looks back on: Ollama's default `repeat_last_n`."""


@dataclass(frozen=True)
class Sampling:
    """The parameters by their names in persona.toml and in Ollama; the defaults are the plan's."""

    temperature: float = 0.8
    """0 takes the likeliest token each time."""
    top_p: float = 0.9
    top_k: int = 40
    repeat_penalty: float = 1.1
    """Divides the logits of the last 64 tokens, as Ollama's parameter of this name does; 1 is off."""
    seed: int | None = None
    """The same seed and batch give the same replies; None leaves MLX's random state as it is."""
