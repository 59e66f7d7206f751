"""Turns as lines of a terminal, painted from what is drawn of them: a line that is the same is the same object.

What Textual has worked out for a line, as its escape sequences, stays with the object, so that scrolling costs little.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import ClassVar

from rich.segment import Segment
from textual.content import Content
from textual.reactive import reactive
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual

from widgets.plain_lines import PlainLines
from widgets.turn_drawing import GUTTER, TurnDrawing

_MARKED = 1_000
"""Lines that are kept with the cursor's mark."""


class TurnPaint(PlainLines, inherit_bindings=False):
    """Paints turns one below the other; a subclass says which, and where each ends."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"turns--line", "turns--mark", "turns--empty"}
    ALLOW_SELECT = False
    """`y` copies a turn; what Textual selects is found by widgets that draw all of their text at once."""

    empty: reactive[str] = reactive("")
    """The sentence that shows where there are no turns."""

    def __init__(self, empty: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        # Links are text here; Textual would look for them in each line.
        self.auto_links = False
        self._turns: list[TurnDrawing] = []
        self._ends: list[int] = []
        """The line after each turn."""
        self._style: Style | None = None
        self._marked_lines: dict[int, tuple[Strip, Strip]] = {}
        """Lines with the cursor's mark, by the identity of those without it."""
        self.set_reactive(TurnPaint.empty, empty)

    def marked(self, place: int) -> bool:
        """Say whether the turn at this place has a mark beside it."""
        return False

    @property
    def _across(self) -> int:
        return max(10 + len(GUTTER), self.scrollable_content_region.width)

    @property
    def _base(self) -> Style:
        if self._style is None:
            self._style = self.get_visual_style("turns--line")
        return self._style

    def _shown(self, first: int, number: int) -> Iterator[Strip]:
        """Yield so many lines from one on, each the same object as long as it is the same."""
        across, base = self._across, self._base
        place, last = bisect_right(self._ends, first), first + number
        while first < last and place < len(self._turns):
            lines, marked = self._turns[place].lines(self, across, base), self.marked(place)
            top, end = self._ends[place - 1] if place else 0, min(last, self._ends[place])
            for row in range(first - top, end - top):
                # The last line of a turn is the empty one after it.
                if row < len(lines):
                    yield self._with_mark(lines[row]) if marked and row < len(lines) - 1 else lines[row]
                else:
                    yield Strip.blank(across, base.rich_style)
            first, place = end, place + 1
        for _ in range(first, last):
            yield Strip.blank(across, base.rich_style)

    def _with_mark(self, strip: Strip) -> Strip:
        key = id(strip)
        if key not in self._marked_lines:
            if len(self._marked_lines) >= _MARKED:
                self._marked_lines.clear()
            mark = Segment("▌".ljust(len(GUTTER)), self.get_visual_style("turns--mark").rich_style)
            made = Strip.join([Strip([mark], len(GUTTER)), strip.crop(len(GUTTER))])
            # With the line itself, so that no other one gets its identity.
            self._marked_lines[key] = (strip, made)
        return self._marked_lines[key][1]

    def shown_lines(self, first: int, number: int) -> Iterable[Strip]:
        if self._turns:
            return self._shown(self.scroll_offset.y + first, number)
        lines = [Strip.blank(self._across, self._base.rich_style)] * number
        if self.empty and first == 0 and number:
            style = self.get_visual_style("turns--empty")
            lines[0] = Visual.to_strips(self, Content(self.empty), self._across, 1, style, pad=True)[0]
        return lines

    def notify_style_update(self) -> None:
        self._style = None
        self._marked_lines.clear()
        for turn in self._turns:
            turn.forget()
        super().notify_style_update()
