"""One turn of a chat as lines of a terminal: drawn once, and while it streams only its last block again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual.content import Content
from textual.strip import Strip
from textual.visual import Visual

from widgets.markdown import Block, parse
from widgets.safe import safe, safe_line

if TYPE_CHECKING:
    from textual.style import Style
    from textual.widget import Widget

INDENT = "  "


@dataclass(frozen=True)
class Entry:
    """One turn as it is shown. Its words may be anything; they are made safe here."""

    id: str
    who: str
    text: str = ""
    assistant: bool = False
    thinking: str = ""
    """What a thinking model thought; folded to one line."""
    place: int = 1
    """Which version this is, from 1."""
    versions: int = 1
    sign: str = ""
    """What a person made of it: kept, mended, bad."""
    figures: str = ""
    """The quiet line below."""
    wrong: bool = False
    """True where `figures` say what went wrong."""


class TurnDrawing:
    """An entry with its lines at one width. `write` adds to the text and draws what that changed."""

    def __init__(self, entry: Entry, *, open_thoughts: bool = False) -> None:
        self.entry = replace(entry, text=safe(entry.text), thinking=safe(entry.thinking))
        self.open_thoughts = open_thoughts
        self._width = 0
        self._body: list[Strip] = []
        """Lines of blocks that more text cannot change."""
        self._body_blocks = 0
        self._tail_at = 0
        """Where in the text those end."""
        self._lines: list[Strip] | None = None

    @property
    def drawn(self) -> bool:
        """True where the lines are there."""
        return self._lines is not None

    def height(self, width: int) -> int:
        """Return the number of lines, estimated where they are not drawn."""
        if self._lines is not None and self._width == width:
            return len(self._lines)
        across = max(1, width - len(INDENT))
        return 3 + sum(1 + len(line) // across for line in self.entry.text.split("\n"))

    def forget(self) -> None:
        """Draw all again the next time: the width or the colours are others."""
        self._body, self._body_blocks, self._tail_at, self._lines = [], 0, 0, None

    def change(self, **values: object) -> None:
        """Take other values that are not the text."""
        self.entry = replace(self.entry, **values)  # type: ignore[arg-type]
        self._lines = None

    def fold(self, *, open_thoughts: bool) -> None:
        """Show the thoughts in full, or as one line."""
        self.open_thoughts = open_thoughts
        self._lines = None

    def write(self, text: str = "", thinking: str = "") -> None:
        """Add words that are safe already."""
        self.entry = replace(self.entry, text=self.entry.text + text, thinking=self.entry.thinking + thinking)
        self._lines = None

    def lines(self, widget: Widget, width: int, style: Style) -> list[Strip]:
        """Return the lines, each `width` cells wide."""
        if width != self._width:
            self.forget()
            self._width = width
        if self._lines is None:
            pen = _Pen(widget, width, style)
            self._lines = [
                *pen.draw(self._head()),
                *self._thoughts(pen),
                *self._text(pen),
                *self._figures(pen),
                *pen.draw(Content("")),
            ]
        return self._lines

    def _head(self) -> Content:
        entry = self.entry
        parts: list[tuple[str, str]] = [
            (safe_line(entry.who, 60), "bold $accent" if entry.assistant else "bold")
        ]
        if entry.versions > 1:
            parts.append((f"  ‹ {entry.place} of {entry.versions} ›", "$text-muted"))
        if entry.sign:
            parts.append((f"  {safe_line(entry.sign, 60)}", "$text-muted"))
        return Content.assemble(*parts)

    def _thoughts(self, pen: _Pen) -> list[Strip]:
        thinking = self.entry.thinking.strip()
        if not thinking:
            return []
        words = len(thinking.split())
        head = Content.styled(f"{'▾' if self.open_thoughts else '▸'} thought, {words:,} words", "$text-muted")
        lines = pen.draw(head, INDENT)
        if self.open_thoughts:
            lines += pen.draw(Content.styled(thinking, "$text-muted italic"), INDENT * 2)
        return lines

    def _text(self, pen: _Pen) -> list[Strip]:
        text = self.entry.text
        if not self.entry.assistant:
            return pen.draw(Content(text), INDENT) if text else []
        parsed = parse(text[self._tail_at :])
        for block in parsed.blocks[: parsed.settled]:
            self._body += self._block(pen, block)
            self._body_blocks += 1
        tail_lines = text[self._tail_at :].split("\n")[: parsed.settled_lines]
        self._tail_at += sum(len(line) + 1 for line in tail_lines)
        tail: list[Strip] = []
        first = self._body_blocks == 0
        for block in parsed.blocks[parsed.settled :]:
            tail += self._block(pen, block, first=first)
            first = False
        return [*self._body, *tail]

    def _block(self, pen: _Pen, block: Block, *, first: bool | None = None) -> list[Strip]:
        is_first = self._body_blocks == 0 if first is None else first
        gap = pen.draw(Content("")) if block.gap and not is_first else []
        content = block.laid_out(pen.width - len(INDENT) - len(block.rest))
        return gap + pen.draw(content, INDENT + block.first, INDENT + block.rest)

    def _figures(self, pen: _Pen) -> list[Strip]:
        if not self.entry.figures:
            return []
        style = "$error" if self.entry.wrong else "$text-muted"
        return pen.draw(Content.styled(safe(self.entry.figures), style), INDENT)


class _Pen:
    """Draws content as lines of one width."""

    def __init__(self, widget: Widget, width: int, style: Style) -> None:
        self.width = width
        self._widget, self._style = widget, style

    def draw(self, content: Content, first: str = "", rest: str | None = None) -> list[Strip]:
        """Return the lines with what stands before them."""
        rest = first if rest is None else rest
        if len(rest) > self.width // 2:
            first, rest = first[-2:], rest[-2:]
        strips = Visual.to_strips(
            self._widget, content, max(1, self.width - len(rest)), None, self._style, pad=True
        )
        strips = strips or [Strip.blank(self.width - len(rest), self._style.rich_style)]
        if not rest:
            return strips
        return [
            Strip.join([self._plain(first if number == 0 else rest), strip])
            for number, strip in enumerate(strips)
        ]

    def _plain(self, text: str) -> Strip:
        from rich.segment import Segment

        return Strip([Segment(text, self._style.rich_style)], len(text))
