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
GUTTER = "  "
"""What stands before every line; the mark of the turn under the cursor takes its place."""


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
        self._tail: list[tuple[Block, list[Strip]]] = []
        """Blocks after those, as they were drawn last."""
        self._lines: list[Strip] | None = None
        self._before: list[Strip] = []
        """The lines as they were drawn last."""

    @property
    def drawn(self) -> bool:
        """True where the lines are there."""
        return self._lines is not None

    def height(self, width: int) -> int:
        """Return the number of lines, estimated where they are not drawn."""
        if self._lines is not None and self._width == width:
            return len(self._lines)
        across = max(1, width - len(GUTTER) - len(INDENT))
        return 3 + sum(1 + len(line) // across for line in self.entry.text.split("\n"))

    def forget(self) -> None:
        """Draw all again the next time: the width or the colours are others."""
        self._body, self._body_blocks, self._tail_at, self._tail = [], 0, 0, []
        self._lines, self._before = None, []

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
        """Return the lines, each `width` cells wide. One that is as it was is the same object, so that what
        Textual has worked out for it stays with it.
        """
        if width != self._width:
            self.forget()
            self._width = width
        if self._lines is None:
            pen = _Pen(widget, width, style)
            above = [*pen.draw(self._head()), *self._thoughts(pen)]
            lines = [*above, *self._text(pen), *self._figures(pen), *pen.draw(Content(""))]
            for place, (old, new) in enumerate(zip(self._before, lines, strict=False)):
                if old is not new and old == new:
                    lines[place] = old
            self._body = lines[len(above) : len(above) + len(self._body)]
            self._lines = self._before = lines
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
        drawn: list[tuple[Block, list[Strip]]] = []
        for place, block in enumerate(parsed.blocks):
            # What is written changes the last block; those before it are as they were drawn.
            old, strips = self._tail[place] if place < len(self._tail) else (None, [])
            if old is None or not block.looks_like(old):
                strips = self._block(pen, block, first=self._body_blocks + place == 0)
            drawn.append((block, strips))
        settled, self._tail = drawn[: parsed.settled], drawn[parsed.settled :]
        for _, strips in settled:
            self._body += strips
        self._body_blocks += parsed.settled
        tail_lines = text[self._tail_at :].split("\n")[: parsed.settled_lines]
        self._tail_at += sum(len(line) + 1 for line in tail_lines)
        return self._body + [strip for _, strips in self._tail for strip in strips]

    def _block(self, pen: _Pen, block: Block, *, first: bool) -> list[Strip]:
        gap = pen.draw(Content("")) if block.gap and not first else []
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
        self.width = width - len(GUTTER)
        """For what stands behind the gutter."""
        self._widget, self._style = widget, style

    def draw(self, content: Content, first: str = "", rest: str | None = None) -> list[Strip]:
        """Return the lines with what stands before them."""
        rest = first if rest is None else rest
        if len(rest) > self.width // 2:
            first, rest = first[-2:], rest[-2:]
        across = max(1, self.width - len(rest))
        strips = Visual.to_strips(self._widget, content, across, None, self._style, pad=True)
        strips = strips or [Strip.blank(across, self._style.rich_style)]
        return [
            Strip.join([self._plain(GUTTER + (rest if number else first)), strip])
            for number, strip in enumerate(strips)
        ]

    def _plain(self, text: str) -> Strip:
        from rich.segment import Segment

        return Strip([Segment(text, self._style.rich_style)], len(text))
