"""Lines that are painted as they are: what Textual has worked out for a line stays with it while it is the same."""

from __future__ import annotations

from collections.abc import Iterable

from textual.geometry import Region, Size, Spacing
from textual.scroll_view import ScrollView
from textual.strip import Strip


class PlainLines(ScrollView):
    """A scrolling widget whose lines are strips that it keeps.

    Textual's own way puts border, padding and opacity around each line, which makes it anew, whenever a line is
    another one or one scrolls. Where a widget has none of them, its strips are handed on as they are.
    """

    def shown_lines(self, first: int, number: int) -> Iterable[Strip]:
        """Return so many lines from row `first` of what shows, each the same object as long as it is the same."""
        raise NotImplementedError

    def set_extent(self, size: Size) -> None:
        """Have so many cells and lines to scroll in; Textual's own way lays out the whole screen again each time."""
        if size != self.virtual_size:
            self.set_reactive(PlainLines.virtual_size, size)
            self._scroll_update(size)

    def render_lines(self, crop: Region) -> list[Strip]:
        styles = self.styles
        plain = styles.gutter == Spacing() and styles.text_opacity == self.opacity == 1 and not styles.tint.a
        if not plain:
            return super().render_lines(crop)
        width, style = self.size.width, self.visual_style.rich_style
        background, filters = self.background_colors[1], self.get_line_filters()
        lines = []
        for line in self.shown_lines(crop.y, crop.height):
            shown = line.adjust_cell_length(width, style)
            for one in filters:
                shown = shown.apply_filter(one, background)
            lines.append(shown if crop.column_span == (0, width) else shown.crop(*crop.column_span))
        return lines

    def render_line(self, y: int) -> Strip:
        return next(iter(self.shown_lines(y, 1)))
