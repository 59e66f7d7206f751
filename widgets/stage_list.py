"""The parts of a job, one below the other: what is done, what runs, what is left out."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from widgets.safe import safe_line

_SIGNS = {
    "done": ("✓", "$success"),
    "running": ("▶", "$accent"),
    "failed": ("✗", "$error"),
    "skipped": ("–", "$text-muted"),
    "waiting": ("·", "$text-muted"),
}


@dataclass(frozen=True)
class StageRow:
    """One part."""

    name: str
    state: str
    """`waiting`, `running`, `done`, `failed` or `skipped`."""
    detail: str = ""


class StageList(Widget):
    """Stages with their details."""

    DEFAULT_CSS = "StageList { height: auto; width: 1fr; }"

    rows: reactive[tuple[StageRow, ...]] = reactive((), layout=True)

    def render(self) -> Content:
        width = self.content_size.width
        lines = []
        for row in self.rows:
            sign, colour = _SIGNS.get(row.state, ("·", "$text-muted"))
            name = "$text-muted" if row.state in {"waiting", "skipped"} else "$foreground"
            lines.append(
                Content.assemble(
                    (f"{sign} ", colour),
                    (f"{safe_line(row.name, 14):<12}", name),
                    (safe_line(row.detail), "$text-muted"),
                ).truncate(width, ellipsis=True)
            )
        return Content("\n").join(lines)
