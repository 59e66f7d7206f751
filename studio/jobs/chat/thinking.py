"""What a model thinks, told from what it replies, where the server hands on both as one text."""

from __future__ import annotations

from typing import Literal

_OPEN, _CLOSE = "<think>", "</think>"

Kind = Literal["thought", "text"]


class Splitter:
    """Takes a stream's pieces; a reply that begins with `<think>` is a thought up to `</think>`."""

    def __init__(self) -> None:
        self._held = ""
        self._state: Literal["begin", "thought", "after", "text"] = "begin"

    def take(self, piece: str) -> list[tuple[Kind, str]]:
        """Return what is surely a thought or text by now; what may be the beginning of a tag is held back."""
        if self._state == "text":
            return [("text", piece)] if piece else []
        self._held += piece
        parts: list[tuple[Kind, str]] = []
        if self._state == "begin":
            stripped = self._held.lstrip()
            if _OPEN.startswith(stripped[: len(_OPEN)]) and len(stripped) < len(_OPEN):
                return parts
            if stripped.startswith(_OPEN):
                self._state, self._held = "thought", stripped[len(_OPEN) :]
            else:
                self._state = "text"
        if self._state == "thought":
            thought, tag, rest = self._held.partition(_CLOSE)
            held = "" if tag else _beginning_of_close(thought)
            thought = thought[: len(thought) - len(held)]
            if thought:
                parts.append(("thought", thought))
            self._held = rest if tag else held
            if not tag:
                return parts
            self._state = "after"
        if self._state == "after":
            self._held = self._held.lstrip()
            if not self._held:
                return parts
            self._state = "text"
        return [*parts, *self.rest()]

    def rest(self) -> list[tuple[Kind, str]]:
        """Return what is held back, at the end of the stream."""
        held, self._held = self._held, ""
        if not held:
            return []
        return [("thought" if self._state == "thought" else "text", held)]


def _beginning_of_close(text: str) -> str:
    for length in range(min(len(_CLOSE) - 1, len(text)), 0, -1):
        if text.endswith(_CLOSE[:length]):
            return text[-length:]
    return ""
