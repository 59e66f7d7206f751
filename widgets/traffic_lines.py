"""How fast a server is asked and what it costs: two lines of figures in fixed places."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from widgets.format import count, duration, money
from widgets.safe import safe_line


@dataclass(frozen=True)
class TrafficFigures:
    """What is known of a generation job at the moment."""

    live: bool = False
    requests: int = 0
    """A minute."""
    requests_limit: int | None = None
    tokens: int = 0
    """A minute, in and out."""
    tokens_limit: int | None = None
    in_flight: int = 0
    width: int = 0
    """Requests at a time, at most."""
    retrying: int = 0
    done: int = 0
    total: int | None = None
    failed: int = 0
    rejected: int = 0
    duplicates: int = 0
    lost: int = 0
    """Requests whose answer never arrived though they may be billed: in flight at a kill, or cut."""
    lost_usd: float = 0.0
    """What those may have cost, at most."""
    spent_usd: float = 0.0
    projected_usd: float | None = None
    cap_usd: float | None = None
    eta_seconds: float | None = None
    waiting: str = ""


class TrafficLines(Widget):
    """Requests and tokens a minute against their limits; then done, lost, money and the time that is left."""

    DEFAULT_CSS = "TrafficLines { height: auto; width: 1fr; }"

    figures: reactive[TrafficFigures] = reactive(TrafficFigures(), layout=True)

    def render(self) -> Content:
        lines = [self._result()]
        if self.figures.live:
            lines.insert(0, self._traffic())
        if self.figures.waiting:
            lines.append(Content.styled(f"… {safe_line(self.figures.waiting, 200)}", "$warning"))
        width = self.content_size.width
        return Content("\n").join(line.truncate(width, ellipsis=True) for line in lines)

    def _traffic(self) -> Content:
        now = self.figures
        return _facts(
            ("requests/min", f"{count(now.requests):>5}{_of(now.requests_limit)}"),
            ("tokens/min", f"{_short(now.tokens):>6}{_of(now.tokens_limit)}"),
            ("in flight", f"{now.in_flight:>3}{_of(now.width or None)}"),
            ("retry", f"{now.retrying}"),
        )

    def _result(self) -> Content:
        now = self.figures
        projected = f" → {money(now.projected_usd)}" if now.live and now.projected_usd else ""
        cap = f" of {money(now.cap_usd)}" if now.cap_usd else ""
        worst = f", up to {money(now.lost_usd)}" if now.lost_usd else ""
        lost = f"{count(now.lost)}{worst}" if now.lost else ""
        left = duration(now.eta_seconds) if now.live and now.eta_seconds is not None else ""
        return _facts(
            ("made", f"{count(now.done)}{_of(now.total)}"),
            ("spent", f"{money(now.spent_usd)}{projected}{cap}" if now.spent_usd or now.cap_usd else ""),
            ("left", left),
            ("failed", count(now.failed)),
            ("broke the recipe", count(now.rejected)),
            ("duplicate", count(now.duplicates)),
            ("lost", lost),
        )


def _facts(*facts: tuple[str, str]) -> Content:
    parts: list[Content] = [
        Content.assemble((f"{name} ", "$text-muted"), value) for name, value in facts if value.strip()
    ]
    return Content("   ").join(parts)


def _of(limit: int | None) -> str:
    return "" if limit is None else f" of {_short(limit)}"


def _short(value: int) -> str:
    return count(value) if value < 10_000 else f"{value / 1000:,.0f} k"
