"""How full a model's context is, and what it will no longer read after the next question."""

from __future__ import annotations

from dataclasses import dataclass

from store.models import ChatSession, ChatTurn
from studio.jobs.chat.conversation import shown

WARN_SHARE = 0.8
"""From where on it is worth saying how full the context is."""
_LEAST_REPLY = 64
"""Tokens that a reply needs at least."""


@dataclass(frozen=True)
class Room:
    """A model's context, in tokens; what is not counted by the model is estimated from what is."""

    used: int
    """By the conversation so far and by what is written and not sent."""
    size: int
    dropped: tuple[ChatTurn, ...] = ()
    """The turns that have to go, the oldest first, so that the next reply fits."""

    @property
    def share(self) -> float:
        """How much of it is used, 0..1 and above."""
        return self.used / self.size

    @property
    def tight(self) -> bool:
        """True where a person should know."""
        return bool(self.dropped) or self.share >= WARN_SHARE


def room(conversation: ChatSession, draft: str = "") -> Room | None:
    """Return how full the context is with `draft` as the next question; None before the model has counted once.

    Ollama, and our own child as well, leave out the oldest turns until the rest fits.
    """
    way = shown(conversation)
    counted = next((place for place in range(len(way) - 1, -1, -1) if way[place].context_tokens), None)
    if counted is None:
        return None
    at = way[counted]
    if not at.context_size or not at.context_tokens:
        return None
    characters = sum(len(turn.content) for turn in way[: counted + 1])
    # What the model has dropped already is in none of its counts, so that the ratio is never too small.
    per_character = max(0.2, min(1.0, at.context_tokens / max(1, characters)))
    later = sum(len(turn.content) for turn in way[counted + 1 :]) + len(draft)
    used = at.context_tokens + round(per_character * later)
    replies = [turn.tokens for turn in way if turn.role == "assistant" and turn.tokens]
    reply = max(_LEAST_REPLY, sum(replies) // max(1, len(replies)))
    dropped: list[ChatTurn] = []
    over = used + reply - at.context_size
    for turn in way[:-1]:
        if over <= 0:
            break
        dropped.append(turn)
        over -= max(1, round(per_character * len(turn.content)))
    return Room(used, at.context_size, tuple(dropped))
