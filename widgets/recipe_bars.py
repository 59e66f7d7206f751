"""Progress by recipe against target: one short bar each, in as many columns as there is room for."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from widgets.format import bar, count
from widgets.safe import safe_line

_NAME, _NUMBERS, _GAP = 18, 14, 3
_MIN_BAR = 4


@dataclass(frozen=True)
class RecipeRow:
    """One recipe; rejected examples are not among `have`."""

    name: str
    have: int
    target: int


class RecipeBars(Widget):
    """Rows that fill column by column."""

    DEFAULT_CSS = "RecipeBars { height: auto; width: 1fr; }"

    rows: reactive[tuple[RecipeRow, ...]] = reactive((), layout=True)

    def render(self) -> Content:
        width = self.content_size.width
        columns = 2 if len(self.rows) > 8 and width >= 2 * (_NAME + _NUMBERS + _MIN_BAR) + _GAP else 1
        each = (width - _GAP * (columns - 1)) // columns
        height = -(-len(self.rows) // columns)
        lines = []
        for y in range(height):
            cells = [
                self._cell(self.rows[place], each)
                for column in range(columns)
                if (place := y + column * height) < len(self.rows)
            ]
            lines.append(Content(" " * _GAP).join(cells))
        return Content("\n").join(lines)

    def _cell(self, row: RecipeRow, width: int) -> Content:
        full = row.target > 0 and row.have >= row.target
        name = Content(safe_line(row.name, 40)).truncate(_NAME - 1, ellipsis=True)
        numbers = f"{count(row.have)}/{count(row.target)}"
        room = min(40, width - _NAME - _NUMBERS)
        cell = Content.assemble(
            name.pad_right(_NAME - name.cell_length),
            (bar(row.have, row.target, room), "$success 80%" if full else "$accent 80%"),
            (f"{numbers:>{_NUMBERS}}", "$success" if full else "$text-muted"),
        )
        return cell.pad_right(max(0, width - cell.cell_length))
