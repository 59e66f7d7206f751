"""Two quiet tables for the Overview: the plan's phases with their gates, and examples against targets."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from widgets.format import bar, count, percent, share
from widgets.safe import safe_line

_PHASE_SIGNS = {
    "done": ("✓", "$success"),
    "passed": ("✓", "$success"),
    "reached": ("▸", "$success"),
    "below": ("▸", "$accent"),
    "open": ("▸", "$accent"),
    "closed": ("·", "$text-muted"),
}


@dataclass(frozen=True)
class PhaseRow:
    """One phase; scores are in 0..1."""

    name: str
    state: str
    """`done`, `passed`, `reached`, `below`, `open` or `closed`."""
    gate: float | None = None
    mean: float | None = None
    half: float | None = None
    """Half the width of the 95 % interval."""


@dataclass(frozen=True)
class CategoryRow:
    """One category of examples."""

    name: str
    have: int
    target: int
    accepted: int
    decided: int


class PhaseTable(Widget):
    """The plan's phases: sign, name, gate, score now."""

    DEFAULT_CSS = "PhaseTable { width: 38; height: auto; text-wrap: nowrap; }"

    rows: reactive[tuple[PhaseRow, ...]] = reactive((), layout=True)

    def render(self) -> Content:
        name = max(10, self.content_size.width - 2 - 7 - 10)
        head = f"{'Phases':<{name + 2}}{'gate':>6}{'now':>6}"
        lines = [Content.styled(head, "$text-muted")]
        for row in self.rows:
            sign, colour = _PHASE_SIGNS.get(row.state, ("·", "$text-muted"))
            gate = percent(row.gate) if row.gate is not None else "—"
            now = f"{percent(row.mean):>6}" if row.mean is not None else ""
            half = f" ±{100 * row.half:.0f}" if row.half is not None and row.mean is not None else ""
            quiet = "$text-muted" if row.state == "closed" else "$foreground"
            title = _padded(safe_line(row.name, 60), name)
            lines.append(
                Content.assemble(
                    (f"{sign} ", colour),
                    title.stylize(quiet),
                    (f"{gate:>6}", "$text-muted"),
                    now,
                    (half, "$text-muted"),
                )
            )
        return Content("\n").join(lines)


class CategoryTable(Widget):
    """Examples by category: how many there are, how many are wanted, how many of the decided were accepted."""

    DEFAULT_CSS = "CategoryTable { width: 1fr; height: auto; text-wrap: nowrap; }"

    rows: reactive[tuple[CategoryRow, ...]] = reactive((), layout=True)

    def render(self) -> Content:
        width = self.content_size.width
        bars = 12 if width >= 58 else 0
        head = f"{'Examples':<14}{'have':>7}{'target':>8}{'accepted':>9}"
        lines = [Content.styled(head, "$text-muted")]
        for row in self.rows:
            full = row.target and row.have >= row.target
            parts: list[Content | tuple[str, str]] = [
                _padded(safe_line(row.name, 40), 14),
                (f"{count(row.have):>7}", "$success" if full else "$foreground"),
                (f"{count(row.target) if row.target else '—':>8}", "$text-muted"),
                (f"{share(row.accepted, row.decided):>9}", "$text-muted"),
            ]
            if bars and row.target:
                parts.append((f"   {bar(row.have, row.target, bars)}", "$accent 70%"))
            lines.append(Content.assemble(*parts))
        return Content("\n").join(lines)


def _padded(text: str, width: int) -> Content:
    content = Content(text).truncate(width - 1, ellipsis=True)
    return content.pad_right(max(0, width - content.cell_length))
