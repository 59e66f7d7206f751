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


@dataclass(frozen=True)
class Skipped:
    """A file, or a place in one, that was not read, and why."""

    path: str
    reason: str
