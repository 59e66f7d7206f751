"""Figures that change in places that do not: name left, number right, unit named once."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from widgets.safe import safe_line


@dataclass(frozen=True)
class Figure:
    """One figure; an empty value shows as a dash."""

    name: str
    value: str = ""
    unit: str = ""


class Figures(Widget):
    """A column of figures."""

    DEFAULT_CSS = "Figures { height: auto; width: 30; }"

    rows: reactive[tuple[Figure, ...]] = reactive((), layout=True)

    def render(self) -> Content:
        width = self.content_size.width
        unit = max((len(row.unit) for row in self.rows), default=0)
        name = max((len(row.name) for row in self.rows), default=0) + 1
        lines = []
        for row in self.rows:
            value = safe_line(row.value, 24) or "—"
            room = max(len(value), width - name - unit - 1)
            lines.append(
                Content.assemble(
                    (f"{row.name:<{name}}", "$text-muted"),
                    f"{value:>{room}}",
                    (f" {row.unit}", "$text-muted"),
                )
            )
        return Content("\n").join(lines)
