"""Subjects side by side over the suites: mean and interval against the target, and what changed."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from widgets.format import bar, percent
from widgets.safe import safe_line


@dataclass(frozen=True)
class ScoreCell:
    """A subject's score on one suite: mean and half the width of its 95 % interval, in 0..1."""

    mean: float
    half: float


@dataclass(frozen=True)
class ScoreRow:
    """One suite; `cells` in the order of the subjects, None where one was not asked."""

    suite: str
    target: float
    cells: tuple[ScoreCell | None, ...]
    verdict: str = ""
    """`better +40`, `worse -3`, `can't tell` or empty."""
    moved: str = ""
    """Cases that were fixed and that regressed; shown where there is room."""


_VERDICTS = {"better": "$success", "worse": "$error"}
_SUITE, _TARGET, _CELL, _VERDICT, _WIDE_VERDICT = 14, 8, 12, 14, 36


class ScoreTable(Widget):
    """The scorecard."""

    DEFAULT_CSS = "ScoreTable { height: auto; width: 1fr; }"

    subjects: reactive[tuple[str, ...]] = reactive((), layout=True)
    rows: reactive[tuple[ScoreRow, ...]] = reactive((), layout=True)
    against: reactive[str] = reactive("", layout=True)
    """What the verdicts compare."""

    def render(self) -> Content:
        if not self.rows:
            return Content("")
        width = self.content_size.width
        cell = max(_CELL, min(20, (width - _SUITE - _TARGET - _VERDICT) // max(1, len(self.subjects))))
        shown = self._shown(width, cell)
        head = f"{'':<{_SUITE}}{'target':>{_TARGET - 2}}  " + "".join(
            f"{safe_line(self.subjects[place], cell - 1):>{cell}}" for place in shown
        )
        wide = width - len(head) >= _WIDE_VERDICT
        against = safe_line(self.against, 40) if wide else "change" if self.against else ""
        lines = [Content.styled(f"{head}   {against}", "$text-muted").truncate(width, ellipsis=True)]
        for row in self.rows:
            lines.append(self._line(row, shown, cell, wide=wide).truncate(width, ellipsis=True))
        return Content("\n").join(lines)

    def _shown(self, width: int, cell: int) -> list[int]:
        """Return which subjects fit: the last, who is meant, then those before from the first on."""
        room = max(1, (width - _SUITE - _TARGET) // cell)
        places = list(range(len(self.subjects)))
        return places if len(places) <= room else [*places[: room - 1], places[-1]]

    def _line(self, row: ScoreRow, shown: list[int], cell: int, *, wide: bool) -> Content:
        parts: list[str | tuple[str, str]] = [
            f"{safe_line(row.suite, _SUITE - 1):<{_SUITE}}",
            (f"{percent(row.target):>{_TARGET - 2}}  ", "$text-muted"),
        ]
        for place in shown:
            score = row.cells[place]
            if score is None:
                parts.append((f"{'—':>{cell}}", "$text-muted"))
                continue
            good = score.mean >= row.target
            # Only who is meant gets a bar: it is what the eye shall find first.
            bars = bar(score.mean, 1.0, cell - 11) + " " if cell >= 17 and place == shown[-1] else ""
            text = f"{percent(score.mean):>5}"
            half = f" ±{100 * score.half:.0f}"
            pad = " " * max(0, cell - len(bars) - len(text) - 4)
            parts += [
                pad,
                (bars, "$accent 60%"),
                (text, "$success" if good else ""),
                (f"{half:<4}", "$text-muted"),
            ]
        word = next((name for name in _VERDICTS if row.verdict.startswith(name)), "")
        parts.append((f"   {safe_line(row.verdict, 60)}", _VERDICTS.get(word, "$text-muted")))
        if wide:
            parts.append((f"   {safe_line(row.moved, 40)}", "$text-muted"))
        return Content.assemble(*parts)
