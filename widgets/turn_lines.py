"""Turns of a chat as lines of one widget, the last one perhaps growing, of which only what changed is drawn again.

Textual lays out every widget of a scrolling container whenever one of them grows. Here all turns are lines of one
widget, so that a session of thousands of lines costs no more at each token than a short one.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate
from typing import Any, ClassVar, cast

from rich.segment import Segment
from textual.content import Content
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style
from textual.timer import Timer
from textual.visual import Visual

from widgets.safe import safe
from widgets.turn_drawing import Entry, TurnDrawing

_GUTTER = 2
_FRAME_SECONDS = 0.06
"""The shortest time between two drawings of what streams in; the first piece is drawn at once."""
_SHARE = 5
"""A drawing is followed by a pause of so many times its own length, so that keys never wait."""
_SLICE_SECONDS = 0.01
"""How long old turns are drawn in one go."""


class TurnLines(ScrollView, inherit_bindings=False):
    """Turns one below the other; it follows the end while that grows, unless one has scrolled away from it."""

    DEFAULT_CSS = """
    TurnLines {
        height: 1fr;
        background: transparent;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        overflow-x: hidden;
        overflow-y: scroll;
        & > .turns--mark { color: $accent; }
        & > .turns--empty { color: $text-muted; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"turns--line", "turns--mark", "turns--empty"}

    empty: reactive[str] = reactive("")
    """The sentence that shows where there are no turns."""

    def __init__(self, empty: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._turns: list[TurnDrawing] = []
        self._ends: list[int] = []
        """The line after each turn."""
        self._waiting: list[tuple[str, str]] = []
        """Words that have come and are not drawn: (text, thinking)."""
        self._timer: Timer | None = None
        self._next_frame = 0.0
        self._following = True
        self._style: Style | None = None
        self._last_lines: list[Strip] = []
        """The last turn's lines as they were drawn last."""
        self.set_reactive(TurnLines.empty, empty)

    # --- What is shown -------------------------------------------------------------------------------------

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The turns as they are now."""
        return tuple(turn.entry for turn in self._turns)

    def put(self, entries: Sequence[Entry]) -> None:
        """Show these turns; those that are as they were are not drawn again."""
        self._flush()
        same = {turn.entry: turn for turn in self._turns}
        # The same words with other figures, as at the end of a reply, keep what is drawn of them.
        stay = set(entries)
        alike = {(t.entry.assistant, t.entry.text): t for t in self._turns if t.entry not in stay}
        self._turns = [
            same.get(entry) or _adopted(alike.pop((entry.assistant, entry.text), None), entry)
            for entry in entries
        ]
        self._last_lines = []
        self._measure()
        if self._following:
            self.follow()
        self.refresh()
        self._draw_soon()

    def marked(self, place: int) -> bool:
        """Say whether the turn at this place has a mark beside it."""
        return False

    def follow(self) -> None:
        """Go to the end and stay there while it grows."""
        self._following = True
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)

    def write(self, text: str = "", thinking: str = "") -> None:
        """Add words to the last turn; they are drawn within a frame's time, the first ones at once."""
        self._waiting.append((safe(text), safe(thinking)))
        if self._timer is None:
            wait = self._next_frame - time.monotonic()
            if wait <= 0:
                self._flush()
            else:
                self._timer = self.set_timer(wait, self._flush)

    def change(self, **values: object) -> None:
        """Give the last turn other values: figures, a sign, what is waited for."""
        if self._turns:
            self._flush()
            self._turns[-1].change(**values)
            self._grown()

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        if not waiting or not self._turns:
            return
        began = time.monotonic()
        self._turns[-1].write(
            "".join(text for text, _ in waiting), "".join(thought for _, thought in waiting)
        )
        self._grown()
        took = time.monotonic() - began
        self._next_frame = time.monotonic() + max(_FRAME_SECONDS, _SHARE * took)

    def _grown(self) -> None:
        """Draw the last turn anew and what of it shows."""
        top = self._ends[-2] if len(self._ends) > 1 else 0
        height = self._ends[-1] if self._ends else 0
        before = self._last_lines
        lines = self._last_lines = self._turns[-1].lines(self, self._across, self._base)
        self._ends[-1] = top + len(lines)
        if self._ends[-1] != height:
            self._set_height(self._ends[-1])
            if self._following:
                self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)
        # Of what shows, the lines above the first one that is another one stay as they are.
        row = max(0, self.scroll_offset.y - top)
        while row < min(len(before), len(lines)) and before[row] == lines[row]:
            row += 1
        first = max(0, top + row - self.scroll_offset.y)
        if first < self.size.height:
            self.refresh(Region(0, first, self.size.width, self.size.height - first))

    # --- Lines ---------------------------------------------------------------------------------------------

    @property
    def _across(self) -> int:
        return max(10, self.scrollable_content_region.width - _GUTTER)

    @property
    def _base(self) -> Style:
        if self._style is None:
            self._style = self.get_visual_style("turns--line")
        return self._style

    def _set_height(self, lines: int) -> None:
        """Have so many lines; without Textual's own way, which lays out the whole screen again at each of them."""
        size = Size(self._across + _GUTTER, lines)
        self.set_reactive(TurnLines.virtual_size, size)
        self._scroll_update(size)

    def _measure(self) -> None:
        across = self._across
        self._ends = list(accumulate(turn.height(across) for turn in self._turns))
        self._set_height(self._ends[-1] if self._ends else 0)

    def _draw_soon(self) -> None:
        # As a function: a coroutine that is replaced before it began would never be awaited.
        draw: Callable[[], Awaitable[None]] = self._draw_old
        self.run_worker(cast(Any, draw), group="draw", exclusive=True, exit_on_error=False)

    async def _draw_old(self) -> None:
        """Draw what has no lines yet, from the end, in small slices; what one looks at stays in its place."""
        began = time.monotonic()
        for turn in reversed(list(self._turns)):
            if turn.drawn:
                continue
            turn.lines(self, self._across, self._base)
            if time.monotonic() - began > _SLICE_SECONDS:
                self._settle()
                await asyncio.sleep(_SLICE_SECONDS)
                began = time.monotonic()
        self._settle()

    def _settle(self) -> None:
        """Take in lines that were only estimated, without moving what is on the screen."""
        top = self.scroll_offset.y
        place = bisect_right(self._ends, top)
        before = self._ends[place - 1] if place else 0
        self._measure()
        after = self._ends[place - 1] if 0 < place <= len(self._ends) else 0
        if self._following:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)
        elif after != before:
            self.scroll_to(y=top + after - before, animate=False, immediate=True, force=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        base = self._base
        width = self.scrollable_content_region.width
        if not self._turns:
            if y == 0 and self.empty:
                style = self.get_visual_style("turns--empty")
                return Visual.to_strips(self, Content(self.empty), width, 1, style, pad=True)[0]
            return Strip.blank(width, base.rich_style)
        line = self.scroll_offset.y + y
        place = bisect_right(self._ends, line)
        if place >= len(self._turns):
            return Strip.blank(width, base.rich_style)
        turn = self._turns[place]
        lines = turn.lines(self, self._across, base)
        row = line - (self._ends[place - 1] if place else 0)
        strip = lines[row] if row < len(lines) else Strip.blank(self._across, base.rich_style)
        # The last line of a turn is the empty one after it.
        marked = row < len(lines) - 1 and self.marked(place)
        mark = self.get_visual_style("turns--mark") if marked else base
        return Strip.join([Strip([Segment("▌ " if marked else "  ", mark.rich_style)], _GUTTER), strip])

    def notify_style_update(self) -> None:
        self._style = None
        for turn in self._turns:
            turn.forget()
        super().notify_style_update()

    def on_resize(self) -> None:
        self._measure()
        if self._following:
            self.follow()
        self._draw_soon()


def _adopted(turn: TurnDrawing | None, entry: Entry) -> TurnDrawing:
    """Return the drawing of the same words with all else of `entry`, or a new one where there is none."""
    if turn is None:
        return TurnDrawing(entry)
    turn.change(**{name: value for name, value in vars(entry).items() if name not in ("text", "thinking")})
    if turn.entry.thinking != safe(entry.thinking):
        turn.change(thinking=safe(entry.thinking))
    return turn
