"""A conversation that one reads and moves through by turns, while its last one grows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive

from widgets.turn_drawing import Entry
from widgets.turn_lines import TurnLines

__all__ = ["Entry", "Transcript"]


class Transcript(TurnLines, can_focus=True):
    """Turns with a cursor on one of them; what keys do is done to that one."""

    BINDING_GROUP_TITLE = "Transcript"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="transcript.up", tooltip="The turn above"),
        Binding("down,j", "move(1)", "Down", show=False, id="transcript.down", tooltip="The turn below"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="transcript.page_up", tooltip="One page up"),
        Binding(
            "pagedown,space",
            "page(1)",
            "Page down",
            show=False,
            id="transcript.page_down",
            tooltip="One page down",
        ),
        Binding("home", "jump(0)", "First", show=False, id="transcript.first", tooltip="The first turn"),
        Binding("end", "jump(-1)", "Last", show=False, id="transcript.last", tooltip="The last turn"),
        Binding(
            "o,enter",
            "thoughts",
            "Thoughts",
            show=False,
            id="transcript.thoughts",
            tooltip="Show or fold thoughts",
        ),
    ]

    cursor: reactive[int] = reactive(-1, repaint=False)

    @dataclass
    class Highlighted(Message):
        """The cursor is on another turn."""

        transcript: Transcript
        turn_id: str | None

        @property
        def control(self) -> Transcript:
            return self.transcript

    @property
    def current(self) -> str | None:
        """The id of the turn under the cursor."""
        return self._turns[self.cursor].entry.id if 0 <= self.cursor < len(self._turns) else None

    def show(self, entries: Sequence[Entry], *, select: str | None = None) -> None:
        """Show these turns; those that are as they were are not drawn again.

        The cursor goes to `select`, stays on its turn where that is still there, else goes to the last one.
        """
        was = select or self.current
        self.put(entries)
        ids = [turn.entry.id for turn in self._turns]
        self.cursor = ids.index(was) if was in ids else len(ids) - 1

    def marked(self, place: int) -> bool:
        return self.has_focus and place == self.cursor

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    # --- Moving --------------------------------------------------------------------------------------------

    def validate_cursor(self, value: int) -> int:
        return max(-1 if not self._turns else 0, min(value, len(self._turns) - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        self.refresh()
        if old != new:
            self.post_message(self.Highlighted(self, self.current))

    def _reveal(self) -> None:
        if not 0 <= self.cursor < len(self._turns):
            return
        top = self._ends[self.cursor - 1] if self.cursor else 0
        tall = self._ends[self.cursor] - top
        page = self.scrollable_content_region.height
        self.scroll_to_region(Region(0, top, 1, min(tall, page)), animate=False, force=True)
        self._watch_end()

    def _watch_end(self) -> None:
        self._following = round(self.scroll_target_y) >= self.max_scroll_y

    def action_move(self, turns: int) -> None:
        """Move the cursor by turns."""
        self.cursor += turns
        self._reveal()

    def action_page(self, pages: int) -> None:
        """Scroll by pages."""
        self.scroll_relative(y=pages * max(1, self.size.height - 2), animate=False, force=True)
        self._watch_end()

    def action_jump(self, place: int) -> None:
        """Put the cursor on the first (0) or the last (-1) turn."""
        self.cursor = place if place >= 0 else len(self._turns) - 1
        if place < 0:
            self.follow()
        else:
            self.scroll_to(y=0, animate=False, force=True)
            self._following = False

    def action_thoughts(self) -> None:
        """Show the thoughts of the turn under the cursor in full, or fold them."""
        if 0 <= self.cursor < len(self._turns):
            turn = self._turns[self.cursor]
            turn.fold(open_thoughts=not turn.open_thoughts)
            turn.lines(self, self._across, self._base)
            self._settle()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._following = False

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.call_after_refresh(self._watch_end)

    def on_click(self, event: events.Click) -> None:
        place = bisect_right(self._ends, self.scroll_offset.y + event.y)
        if place < len(self._turns):
            self.cursor = place
