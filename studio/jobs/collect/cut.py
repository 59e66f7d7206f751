"""A file cut by what it is: functions, sections, conversations; and what is held back of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from studio.jobs.collect import chats, code, markdown
from studio.jobs.collect.archive import logs
from studio.jobs.collect.pieces import Held, Marked, Piece, Skipped
from studio.jobs.collect.reading import ARCHIVE, LOGS, MAX_LOG_BYTES, Found, text_of
from studio.jobs.collect.secrets import secrets
from studio.jobs.signals.personal import personal

READER = 2
"""The version of all that is here: counted up where files would be cut, or held back, in another way."""


@dataclass
class Cut:
    """What one file came to."""

    pieces: list[Piece] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    marked: list[Marked] = field(default_factory=list)

    def add(self, other: Cut | Skipped) -> None:
        """Take in what another part of the file came to."""
        if isinstance(other, Skipped):
            self.skipped.append(other)
            return
        self.pieces += other.pieces
        self.skipped += other.skipped
        self.held += other.held
        self.marked += other.marked


def cut_file(found: Found) -> tuple[Found, Cut] | Skipped:
    """Read a file and cut it; returned with the stamp of what was really read, as it may have changed since."""
    path, place = found.named.path, Path(found.named.place)
    if place.suffix.lower() == ARCHIVE:
        made = Cut()
        for each in logs(place, path, MAX_LOG_BYTES):
            made.add(each if isinstance(each, Skipped) else _cut_content(*each))
        return found, made
    try:
        content = place.read_bytes()
    except OSError as error:
        return Skipped(path, error.strerror or str(error))
    fresh = Found(found.named, hashlib.sha256(content).hexdigest(), len(content))
    made = Cut()
    made.add(_cut_content(path, content))
    return fresh, made


def _cut_content(path: str, content: bytes) -> Cut | Skipped:
    text = text_of(path, content)
    return text if isinstance(text, Skipped) else cut(path, text)


def cut(path: str, text: str) -> Cut:
    """Cut a file. A secret in it holds it back; in a log of many conversations, the conversation that it is in."""
    place = PurePosixPath(path)
    if place.suffix.lower() in LOGS:
        return _log(path, text)
    if found := secrets(path, text):
        return Cut(held=[Held(path, secret.line, secret.kind) for secret in found])
    if code.is_code(place):
        return Cut(pieces=code.functions(place, text))
    chat = markdown.conversation(text)
    if not chat:
        return Cut(pieces=markdown.sections(text))
    return Cut(pieces=chat, marked=_marked(path, chat))


def _log(path: str, text: str) -> Cut:
    pieces, skipped = chats.conversations(path, text)
    made = Cut(skipped=skipped)
    lines: list[str] = []
    for number, piece in enumerate(pieces, start=1):
        found = secrets(path, f"{piece.title}\n{piece.text}")
        if not found:
            made.pieces.append(piece)
            continue
        lines = lines or text.split("\n")
        first, last = piece.lines
        there = secrets(path, "\n".join(lines[first - 1 : last]))
        exact = {secret.kind: first + secret.line - 1 for secret in reversed(there)}
        for kind in dict.fromkeys(secret.kind for secret in found):
            made.held.append(Held(path, exact.get(kind, first), kind, f"conversation {number}"))
    made.marked = _marked(path, made.pieces)
    return made


def _marked(path: str, pieces: list[Piece]) -> list[Marked]:
    return [
        Marked(path, piece.lines[0], kinds)
        for piece in pieces
        if piece.messages and (kinds := personal(piece.messages))
    ]
