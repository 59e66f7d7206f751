"""Conversations with a model."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from store.models.base import Document, Part, Role, now


class ChatTurn(Part):
    """One turn of a chat with how it was made."""

    role: Role
    content: str
    model: str | None = None
    tokens: int | None = None
    tokens_per_second: float | None = None
    first_token_seconds: float | None = None
    """To the first token of the reply itself, after what was thought."""
    at: datetime = Field(default_factory=now)
    id: str = ""
    """Unique in its session; empty in sessions of older versions, whose turns follow each other."""
    parent: str | None = None
    """The turn that it follows. Two turns with one parent are versions of each other."""
    thinking: str = ""
    """What a thinking model said before its reply; no part of it."""
    first_thought_seconds: float | None = None
    """To the first token of the thinking."""
    context_tokens: int | None = None
    """Tokens of the model's context that were taken when the reply was done, itself included."""
    context_size: int | None = None
    """How many the model has."""
    ended: Literal["stop", "length", "cancelled", "failed", "killed"] = "stop"
    """How a reply ended: by itself, at its limit, by the person, by a fault, or with the studio."""
    fault: str = ""
    """What went wrong, for people, where it failed."""
    mark: Literal["good", "bad"] | None = None
    example_id: str | None = None
    """The example that was made of it."""


class ChatSettings(Part):
    """What one conversation is asked with; None is the persona's own, or what a deployed model carries."""

    system: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    repeat_penalty: float | None = None
    max_tokens: int | None = None
    context_size: int | None = None
    """Tokens of context that Ollama is asked to keep."""


class ChatSession(Document):
    """A conversation with a model in the chat screen: a tree of turns, one way through which is shown."""

    title: str
    model: str
    turns: tuple[ChatTurn, ...] = ()
    """In the order in which they came."""
    current: str = ""
    """The last turn of the way that is shown; empty where turns have no ids."""
    settings: ChatSettings = ChatSettings()
    opened_at: datetime | None = None
    """When it was shown or changed last."""
    draft: str = ""
    """What was written and not sent."""
