"""Progress by category and recipe against target: one short bar each, in as many columns as there is room for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from widgets.format import bar, count
from widgets.safe import safe_line

_NAME, _NUMBERS, _NOTE, _GAP = 20, 12, 12, 3
_MIN_BAR = 4


@dataclass(frozen=True)
class RecipeRow:
    """One recipe, or a category of several; rejected examples and near-duplicates are not among `have`."""

    name: str
    have: int
    target: int
    category: str = ""
    note: str = ""
    """The most telling figure in a few cells, such as `dup 2.1 %`."""
    indent: bool = False
    """True for a recipe below its category."""


def by_category(rows: Iterable[RecipeRow]) -> tuple[RecipeRow, ...]:
    """Return the rows with a sum above those that share a category."""
    groups: dict[str, list[RecipeRow]] = {}
    for row in rows:
        groups.setdefault(row.category or row.name, []).append(row)
    found: list[RecipeRow] = []
    for category, members in groups.items():
        if len(members) == 1:
            found += members
            continue
        have, target = sum(row.have for row in members), sum(row.target for row in members)
        found.append(RecipeRow(category, have, target, category))
        found += [RecipeRow(r.name, r.have, r.target, category, r.note, indent=True) for r in members]
    return tuple(found)


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
        shown = f"  {row.name}" if row.indent else row.name
        name = Content(safe_line(shown, 40)).truncate(_NAME - 1, ellipsis=True)
        numbers = f"{count(row.have)}/{count(row.target)}"
        note_width = _NOTE if width >= _NAME + _NUMBERS + _NOTE + 2 * _MIN_BAR else 0
        room = min(40, width - _NAME - _NUMBERS - note_width)
        note = safe_line(row.note, _NOTE - 2) if note_width else ""
        cell = Content.assemble(
            name.pad_right(_NAME - name.cell_length),
            (bar(row.have, row.target, room), "$success 80%" if full else "$accent 80%"),
            (f"{numbers:>{_NUMBERS}}", "$success" if full else "$text-muted"),
            (f"  {note}" if note else "", "$warning"),
        )
        return cell.pad_right(max(0, width - cell.cell_length))
