"""What a reader cuts out of a file, before it becomes a document of the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from store.models import Message

PieceKind = Literal["section", "function", "conversation", "example"]


@dataclass(frozen=True)
class Piece:
    """A part of one file."""

    kind: PieceKind
    title: str
    lines: tuple[int, int]
    """First and last line, counted from 1, both included."""
    text: str
    language: str | None = None
    messages: tuple[Message, ...] = ()
    """The turns of a conversation or an example; empty for prose and code."""
    signature: str | None = None
    """Of a function."""
    doc: str | None = None
    """Of a function."""
    origin: str | None = None
    """Of a conversation: the kind of log."""
    model: str | None = None
    """Of a conversation: the model that answered last, where the log says it."""


@dataclass(frozen=True)
class Skipped:
    """A file, or a place in one, that was not read, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Held:
    """A place that looks like a secret, for which its file or its conversation was held back. Never the secret."""

    path: str
    line: int
    kind: str
    """What it looks like, such as `AWS Access Key`."""
    conversation: str = ""
    """The first words of the conversation, where only that is held back."""


@dataclass(frozen=True)
class Marked:
    """Personal data in a conversation, which a person should look at. Never the data itself."""

    path: str
    line: int
    """Where the conversation begins."""
    kinds: str
    """What was found in which turns."""
