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
from typing import Any, cast

from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from widgets.safe import safe
from widgets.turn_drawing import Entry, TurnDrawing
from widgets.turn_paint import TurnPaint

_FRAME_SECONDS = 0.06
"""The shortest time between two drawings of what streams in; the first piece is drawn at once."""
_SHARE = 5
"""A drawing is followed by a pause of so many times its own length, so that keys never wait."""
_SLICE_SECONDS = 0.01
"""How long old turns are drawn in one go."""
_AT_ONCE = 2
"""Turns at the end that are drawn before anything is shown."""
_MANY = 1_000
"""Lines that are worth telling of."""


class TurnLines(TurnPaint):
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

    class Drawn(Message):
        """Many lines have been drawn that will stay."""

    def __init__(self, empty: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(empty, id=id)
        self._waiting: list[tuple[str, str]] = []
        """Words that have come and are not drawn: (text, thinking)."""
        self._timer: Timer | None = None
        self._next_frame = 0.0
        self._following = True
        self._last_lines: list[Strip] = []
        """The last turn's lines as they were drawn last."""
        self._told = 0
        """Lines of which `Drawn` was said."""

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
        self._draw_end()
        self._measure()
        if self._following:
            self.follow()
        self.refresh()
        self._draw_soon()

    def follow(self) -> None:
        """Go to the end and stay there while it grows."""
        self._following = True
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)

    def write(self, text: str = "", thinking: str = "") -> None:
        """Add words to the last turn; they are drawn within a frame's time, the first ones at once."""
        self._waiting.append((safe(text), safe(thinking)))
        if len(self._waiting) > 1:
            return
        wait = self._next_frame - time.monotonic()
        if wait > 0:
            self._timer = self.set_timer(wait, self._flush)
        else:
            # With all that comes in the same moment.
            self.call_next(self._flush)

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
            self.set_extent(Size(self._across, self._ends[-1]))
            if self._following:
                self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)
        # Of what shows, the lines above the first one that is another one stay as they are.
        row = max(0, self.scroll_offset.y - top)
        while row < min(len(before), len(lines)) and before[row] is lines[row]:
            row += 1
        first = max(0, top + row - self.scroll_offset.y)
        if first < self.size.height:
            self.refresh(Region(0, first, self.size.width, self.size.height - first))

    # --- Lines ---------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        across = self._across
        self._ends = list(accumulate(turn.height(across) for turn in self._turns))
        self.set_extent(Size(self._across, self._ends[-1] if self._ends else 0))

    def _draw_soon(self) -> None:
        # As a function: a coroutine that is replaced before it began would never be awaited.
        draw: Callable[[], Awaitable[None]] = self._draw_old
        self.run_worker(cast(Any, draw), group="draw", exclusive=True, exit_on_error=False)

    def _draw_end(self) -> None:
        """Draw the last turns now where that is quickly done: a question and its reply need no second picture."""
        if not self.size:
            return
        began = time.monotonic()
        for turn in reversed(self._turns[-_AT_ONCE:]):
            turn.lines(self, self._across, self._base)
            if time.monotonic() - began > _SLICE_SECONDS:
                return

    async def _draw_old(self) -> None:
        """Draw what has no lines yet, from the end, in small slices; what one looks at stays in its place."""
        began, drawn = time.monotonic(), False
        for turn in reversed(list(self._turns)):
            if turn.drawn:
                continue
            turn.lines(self, self._across, self._base)
            drawn = True
            if time.monotonic() - began > _SLICE_SECONDS:
                self._settle()
                await asyncio.sleep(_SLICE_SECONDS)
                began, drawn = time.monotonic(), False
        if drawn:
            self._settle()
        lines = self._ends[-1] if self._ends else 0
        if abs(lines - self._told) > _MANY:
            self._told = lines
            self.post_message(self.Drawn())

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
