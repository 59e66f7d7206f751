"""What differs between two texts, word by word: what went is struck through, what came is underlined."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal, NamedTuple

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from widgets.safe import safe, safe_line

if TYPE_CHECKING:
    from store.models import Message

Kind = Literal["same", "gone", "new"]
Side = Literal["both", "old", "new"]

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_MOST_TOKENS = 4_000
"""In both texts together; longer ones are compared line by line, as the time grows with the square."""

_STYLES: dict[Kind, str] = {"same": "", "gone": "$error strike", "new": "$success underline"}


class Piece(NamedTuple):
    """A run of text and what became of it."""

    kind: Kind
    text: str


def pieces(old: str, new: str) -> list[Piece]:
    """Return how `old` becomes `new`: the pieces that are not new make the old text, those not gone the new one."""
    if old == new:
        return [Piece("same", old)] if old else []
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    if len(before) + len(after) > _MOST_TOKENS:
        before, after = _LINES.findall(old), _LINES.findall(new)
    if len(before) + len(after) > _MOST_TOKENS:
        return [Piece("gone", old), Piece("new", new)]
    made: list[Piece] = []
    for _, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        gone, came = "".join(before[a:b]), "".join(after[c:d])
        if gone == came:
            made.append(Piece("same", gone))
        else:
            made += [Piece("gone", gone)] if gone else []
            made += [Piece("new", came)] if came else []
    return made


class WordDiff(Widget):
    """Two conversations, turn by turn: as one text, or one side of it with what differs marked."""

    DEFAULT_CSS = "WordDiff { width: 1fr; height: auto; }"

    old: reactive[tuple[Message, ...]] = reactive((), layout=True)
    new: reactive[tuple[Message, ...]] = reactive((), layout=True)
    side: reactive[Side] = reactive("both", layout=True)
    persona: reactive[str] = reactive("assistant")

    def render(self) -> Content:
        parts: list[Content] = []
        for before, after in zip_longest(self.old, self.new):
            turn = (before if self.side == "old" else after) or (before if self.side == "both" else None)
            if turn is None:
                continue
            name = self.persona if turn.role == "assistant" else turn.role
            parts.append(Content.styled(safe_line(name, 40), "bold"))
            parts.append(
                self._text(safe(before.content) if before else "", safe(after.content) if after else "")
            )
            parts.append(Content(""))
        return Content("\n").join(parts)

    def _text(self, old: str, new: str) -> Content:
        hidden = {"both": None, "old": "new", "new": "gone"}[self.side]
        shown = [piece for piece in pieces(old, new) if piece.kind != hidden]
        return Content.assemble(*((text, _STYLES[kind]) for kind, text in shown))
