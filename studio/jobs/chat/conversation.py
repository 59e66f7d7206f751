"""A conversation as the store keeps it: how a question and its reply become turns."""

from __future__ import annotations

from store.models import ChatSession, ChatTurn, Message
from studio.jobs.events import Replied

TITLE_CHARACTERS = 80


def asked(conversation: ChatSession, text: str, *, model: str | None = None) -> ChatSession:
    """Return the conversation with a question at its end; the first one is its title."""
    title = conversation.title or (text.splitlines() or [""])[0][:TITLE_CHARACTERS]
    turns = (*conversation.turns, ChatTurn(role="user", content=text))
    return conversation.model_copy(
        update={"title": title, "model": model or conversation.model, "turns": turns}
    )


def answered(conversation: ChatSession, turn: ChatTurn) -> ChatSession:
    """Return the conversation with the model's turn at its end."""
    return conversation.model_copy(update={"turns": (*conversation.turns, turn)})


def turn_of(reply: Replied) -> ChatTurn:
    """Return a reply as a turn, with how it was made."""
    return ChatTurn(
        role="assistant",
        content=reply.text,
        model=reply.model,
        tokens=reply.tokens,
        tokens_per_second=reply.tokens_per_second,
        first_token_seconds=reply.first_token_seconds,
    )


def messages_of(conversation: ChatSession) -> tuple[Message, ...]:
    """Return the conversation as a model takes it."""
    return tuple(Message(role=turn.role, content=turn.content) for turn in conversation.turns)
