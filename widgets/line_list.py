"""A list of one-line rows that costs the same for ten and for a million: it holds ids, and asks for what shows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual

from widgets.plain_lines import PlainLines

Line = Content | Callable[[int], Content]
"""A row's content, or a function that makes it for a width in cells."""

_GUTTER = 2
_KEPT = 2_000
_DRAWN = 400
"""Rows whose drawing is kept."""
_AHEAD = 4
"""One of so many parts of the page comes into view when the cursor walks out of it below."""


class LineList(PlainLines, can_focus=True):
    """Rows by id. `Wanted` asks for rows that are not here, `supply` brings them, `Highlighted` follows the cursor."""

    DEFAULT_CSS = """
    LineList {
        height: 1fr;
        background: transparent;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        overflow-x: hidden;
        &:focus > .line-list--cursor { background: $block-cursor-background; color: $block-cursor-foreground; }
        &:focus > .line-list--mark { color: $accent; background: $block-cursor-background; }
        & > .line-list--cursor { background: $block-cursor-blurred-background; }
        & > .line-list--mark { color: $text-muted; background: $block-cursor-blurred-background; }
        & > .line-list--empty { color: $text-muted; }
    }
    """
    BINDING_GROUP_TITLE = "List"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line-list--row",
        "line-list--cursor",
        "line-list--mark",
        "line-list--empty",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up", tooltip="The row above"),
        Binding("down,j", "move(1)", "Down", show=False, id="list.down", tooltip="The row below"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="list.page_up", tooltip="One page up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="list.page_down", tooltip="One page down"),
        Binding("home", "jump(0)", "First", show=False, id="list.first", tooltip="The first row"),
        Binding("end", "jump(-1)", "Last", show=False, id="list.last", tooltip="The last row"),
        Binding("enter", "open", "Open", show=False, id="list.open", tooltip="Open the row under the cursor"),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)
    empty: reactive[str] = reactive("")
    """The sentence that shows where there are no rows."""

    @dataclass
    class Highlighted(Message):
        """The cursor is on another row, or on none."""

        list: LineList
        row_id: str | None

        @property
        def control(self) -> LineList:
            return self.list

    @dataclass
    class Opened(Message):
        """Enter, or a click on the row under the cursor."""

        list: LineList
        row_id: str

        @property
        def control(self) -> LineList:
            return self.list

    @dataclass
    class Wanted(Message):
        """Rows that are about to show and are not here."""

        list: LineList
        row_ids: tuple[str, ...]

        @property
        def control(self) -> LineList:
            return self.list

    def __init__(self, empty: str = "", *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._ids: Sequence[str] = ()
        self._lines: OrderedDict[str, Line] = OrderedDict()
        self._asked: set[str] = set()
        self._drawn: dict[str, tuple[Line, int, object, Strip]] = {}
        self.set_reactive(LineList.empty, empty)

    @property
    def ids(self) -> Sequence[str]:
        """The ids of all rows, in order."""
        return self._ids

    @property
    def current(self) -> str | None:
        """The id under the cursor, or None in an empty list."""
        return self._ids[self.cursor] if 0 <= self.cursor < len(self._ids) else None

    def show(self, ids: Sequence[str], *, keep_lines: bool = True) -> None:
        """Show these rows. The cursor stays on its row where that is still there, else on its place."""
        was = self.current
        self._ids = ids
        if not keep_lines:
            self._lines.clear()
        self._asked.clear()
        place = max(0, min(self.cursor, len(ids) - 1))
        if was is not None and (place >= len(ids) or ids[place] != was):
            with suppress(ValueError):
                place = ids.index(was)
        self._resize_to_rows()
        self.set_reactive(LineList.cursor, place)
        self._reveal(place)
        self.refresh()
        if self.current != was:
            self.post_message(self.Highlighted(self, self.current))

    def supply(self, lines: Mapping[str, Line]) -> None:
        """Bring rows that were wanted, or new content for rows that are here."""
        for row_id, line in lines.items():
            self._lines[row_id] = line
            self._lines.move_to_end(row_id)
            self._asked.discard(row_id)
        while len(self._lines) > _KEPT:
            self._lines.popitem(last=False)
        self._repaint(lines)

    def forget(self, row_ids: Collection[str]) -> None:
        """Drop rows whose documents changed; those that show are asked for again."""
        for row_id in row_ids:
            self._lines.pop(row_id, None)
            self._asked.discard(row_id)
        self._repaint(row_ids)

    def _repaint(self, row_ids: Container[str]) -> None:
        """Draw the rows that show anew, the others not."""
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        for index in range(top, min(top + height, len(self._ids))):
            if self._ids[index] in row_ids:
                self.refresh(Region(0, index - top, self.size.width, 1))

    def select(self, row_id: str) -> None:
        """Put the cursor on a row; nothing happens where there is no such row."""
        if row_id in self._ids:
            self.cursor = self._ids.index(row_id)

    def shown_lines(self, first: int, number: int) -> Iterable[Strip]:
        width, base = self.scrollable_content_region.width, self.get_visual_style("line-list--row")
        top = self.scroll_offset.y
        return [self._row(top + y, width, base) for y in range(first, first + number)]

    def _row(self, index: int, width: int, base: Style) -> Strip:
        if index >= len(self._ids):
            if not self._ids and index == 0 and self.empty:
                style = self.get_visual_style("line-list--empty")
                return self._strip(Content(self.empty), width, style)
            return Strip.blank(width, base.rich_style)
        row_id = self._ids[index]
        at_cursor = index == self.cursor
        style = self.get_visual_style("line-list--row", "line-list--cursor") if at_cursor else base
        line = self._lines.get(row_id)
        drawn = self._drawn.get(row_id)
        if drawn is not None and not at_cursor and drawn[0] is line and drawn[1:3] == (width, style):
            return drawn[3]
        mark_style = self.get_visual_style("line-list--mark") if at_cursor else base
        mark = Strip(self._strip(Content("▌ " if at_cursor else "  "), _GUTTER, mark_style))
        if line is None:
            self._want()
            return Strip.join([mark, self._strip(Content("…"), width - _GUTTER, style)])
        made = line if isinstance(line, Content) else line(width - _GUTTER)
        strip = Strip.join([mark, self._strip(made, width - _GUTTER, style)])
        if not at_cursor:
            # Scrolling by a row draws all of them again, and all but two are as they were.
            if len(self._drawn) >= _DRAWN:
                self._drawn.clear()
            self._drawn[row_id] = (line, width, style, strip)
        return strip

    def notify_style_update(self) -> None:
        self._drawn.clear()
        super().notify_style_update()

    def _strip(self, content: Content, width: int, style: object) -> Strip:
        line = content.truncate(width, ellipsis=True)
        strips = Visual.to_strips(self, line, width, 1, style, pad=True)  # type: ignore[arg-type]
        return strips[0] if strips else Strip.blank(width)

    def _want(self) -> None:
        page = max(1, self.scrollable_content_region.height)
        first = max(0, self.scroll_offset.y - page)
        last = min(len(self._ids), self.scroll_offset.y + 2 * page)
        missing = tuple(
            row_id
            for row_id in self._ids[first:last]
            if row_id not in self._lines and row_id not in self._asked
        )
        if missing:
            self._asked.update(missing)
            self.post_message(self.Wanted(self, missing))

    def watch_cursor(self, old: int, new: int) -> None:
        self._reveal(new)
        for index in (old, new):
            self.refresh(Region(0, index - self.scroll_offset.y, self.size.width, 1))
        if old != new:
            self.post_message(self.Highlighted(self, self.current))

    def validate_cursor(self, value: int) -> int:
        return max(0, min(value, len(self._ids) - 1))

    def _resize_to_rows(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._ids))

    def _reveal(self, index: int) -> None:
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        if index == top + height and height > _AHEAD:
            # A row further is a jump by several: most keys that walk through a list paint two rows, and none all.
            self.scroll_to(y=index - height + height // _AHEAD, animate=False, force=True, immediate=True)
        else:
            # At once, where there is a page already: otherwise the row is painted first, and all rows after it.
            self.scroll_to_region(Region(0, index, 1, 1), animate=False, force=True, immediate=height > 0)

    def on_resize(self) -> None:
        self._resize_to_rows()

    def action_move(self, rows: int) -> None:
        """Move the cursor by rows."""
        self.cursor += rows

    def action_page(self, pages: int) -> None:
        """Move the cursor by pages."""
        self.cursor += pages * max(1, self.scrollable_content_region.height - 1)

    def action_jump(self, index: int) -> None:
        """Put the cursor on the first (0) or the last (-1) row."""
        self.cursor = index if index >= 0 else len(self._ids) - 1

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened(self, self.current))

    def on_click(self, event: events.Click) -> None:
        index = self.scroll_offset.y + event.y
        if index >= len(self._ids):
            return
        if index == self.cursor:
            self.action_open()
        else:
            self.cursor = index
