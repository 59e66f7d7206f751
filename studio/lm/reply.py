"""The figures of a streamed reply."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReplyStats:
    """How a reply was made; it comes after the last piece of text."""

    prompt_tokens: int
    tokens: int
    """Tokens of the reply, without the one that ended it."""
    first_token_seconds: float | None
    tokens_per_second: float | None
    """After the first token; None for replies of one token."""
    cancelled: bool
