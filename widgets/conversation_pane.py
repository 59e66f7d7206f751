"""One conversation after the other in the same place: it scrolls itself, so that the next one needs no layout."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.selection import Selection
from textual.strip import Strip
from textual.visual import Visual

from widgets.conversation import Turn, conversation_content
from widgets.plain_lines import PlainLines


class ConversationPane(PlainLines, can_focus=False):
    """Turns, then lines of facts about them.

    A widget whose height is its content's has the whole screen laid out and painted again when another content
    comes; here only what this pane covers is.
    """

    DEFAULT_CSS = """
    ConversationPane {
        height: 1fr;
        background: transparent;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
        overflow-y: scroll;
    }
    """

    turns: reactive[tuple[Turn, ...]] = reactive((), repaint=False)
    facts: reactive[tuple[str, ...]] = reactive((), repaint=False)
    persona: reactive[str] = reactive("assistant", repaint=False)
    """The name that the assistant's turns carry."""
    empty: reactive[str] = reactive("", repaint=False)
    marked: reactive[int | None] = reactive(None, repaint=False)
    """The turn that a key acts on, counted from 0; None where none is chosen."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._lines: list[Strip] | None = None
        self._blank = Strip([])
        for name in ("turns", "facts", "persona", "empty", "marked"):
            self.watch(self, name, self._changed, init=False)

    def show(self, turns: tuple[Turn, ...], facts: tuple[str, ...] = ()) -> None:
        """Show other turns and facts, drawn once."""
        if (turns, facts) != (self.turns, self.facts):
            self.set_reactive(ConversationPane.turns, turns)
            self.set_reactive(ConversationPane.facts, facts)
            self._changed()

    def line_of(self, place: int) -> int:
        """Return the line, from 0, on which a turn begins at the present width."""
        if not place:
            return 0
        before = conversation_content(self.turns[:place], persona=self.persona)
        # What is before it ends with the empty line after its last turn.
        return before.get_height({}, self._width)

    def shown_lines(self, first: int, number: int) -> Iterable[Strip]:
        top = self.scroll_offset.y + first
        lines = self._drawn()[top : top + number]
        return [*lines, *[self._blank] * (number - len(lines))]

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract(self._content().plain), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self._changed()

    def notify_style_update(self) -> None:
        self._lines = None
        super().notify_style_update()

    def on_resize(self) -> None:
        self._changed()

    @property
    def _width(self) -> int:
        return max(1, self.scrollable_content_region.width)

    def _content(self) -> Content:
        return conversation_content(
            self.turns, self.facts, persona=self.persona, empty=self.empty, marked=self.marked
        )

    def _changed(self) -> None:
        self._lines = None
        if self.is_attached and self.size:
            # Of what fits, all are of one height, so that the scrollbar beside them, a line a row, stays as it is.
            fits = self.scrollable_content_region.height
            self.set_extent(Size(self._width, max(fits, len(self._drawn()))))
            self.refresh()

    def _drawn(self) -> list[Strip]:
        if self._lines is None:
            style = self.visual_style
            self._lines = Visual.to_strips(self, self._content(), self._width, None, style, pad=True)
            self._blank = Strip.blank(self._width, style.rich_style)
        return self._lines
