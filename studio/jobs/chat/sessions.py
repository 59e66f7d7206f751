"""The conversations of a workspace: listed, found by words, and opened where they were left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from store.database import Store
from store.models import ChatSession
from studio.jobs.chat.conversation import shown
from studio.jobs.review.search import matches

_PAST = 200
"""Questions that the text field offers again."""


@dataclass(frozen=True)
class Listed:
    """A conversation as a list shows it."""

    id: str
    title: str
    model: str
    turns: int
    at: datetime
    found: str = ""
    """The line in which the words were found, where that is not the title."""


def opened_at(session: ChatSession) -> datetime:
    """Return when a conversation was shown or changed last."""
    return session.opened_at or session.created_at


def newest(store: Store) -> ChatSession | None:
    """Return the conversation that was open last."""
    return max(store.chat_sessions, key=opened_at, default=None)


def listed(store: Store, words: str = "") -> list[Listed]:
    """Return the conversations that have `words` in them, in any turn of any version, the newest first."""
    found = []
    for session in sorted(store.chat_sessions, key=opened_at, reverse=True):
        line = _line_with(session, words)
        if line is not None:
            in_title = not words or matches(words, session.title)
            found.append(
                Listed(
                    id=session.id,
                    title=session.title,
                    model=session.model,
                    turns=len(shown(session)),
                    at=opened_at(session),
                    found="" if in_title else line,
                )
            )
    return found


def questions(store: Store) -> list[str]:
    """Return what was asked in all conversations, the newest last, each once."""
    asked = sorted(
        (turn for session in store.chat_sessions for turn in session.turns if turn.role == "user"),
        key=lambda turn: turn.at,
    )
    # A dict keeps the first place of a key; the last one is wanted.
    once = dict.fromkeys(turn.content for turn in reversed(asked))
    return list(reversed(list(once)[:_PAST]))


def _line_with(session: ChatSession, words: str) -> str | None:
    if matches(words, session.title):
        return session.title
    for turn in session.turns:
        if matches(words, turn.content):
            return next((line for line in turn.content.splitlines() if matches(words, line)), turn.content)
    return None
