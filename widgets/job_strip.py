"""The strip above the footer: every running job with progress, rate, time left and money, and the last error."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from widgets.format import count, duration, money, rate
from widgets.safe import safe_line

_SIGNS = {
    "running": ("▶", "$accent"),
    "queued": ("·", "$text-muted"),
    "paused": ("‖", "$warning"),
    "done": ("✓", "$success"),
    "stopped": ("■", "$text-muted"),
    "failed": ("✗", "$error"),
    "killed": ("✗", "$error"),
}


@dataclass(frozen=True)
class JobLine:
    """What the strip shows of one job; None where it is not known."""

    kind: str
    state: str
    title: str = ""
    done: int = 0
    total: int | None = None
    unit: str = ""
    per_second: float | None = None
    eta_seconds: float | None = None
    spent_usd: float | None = None
    budget_usd: float | None = None
    detail: str = ""
    """One figure of the job's own, such as the loss."""


def job_content(line: JobLine) -> Content:
    """Return one job as a line, the most important first so that a cut takes the least."""
    sign, colour = _SIGNS.get(line.state, ("·", "$text-muted"))
    amount = (
        f"{count(line.done)}/{count(line.total)}" if line.total else count(line.done) if line.done else ""
    )
    facts = [safe_line(line.detail, 40)] if line.detail else []
    if line.state == "running" and line.per_second:
        facts.append(rate(line.per_second, ""))
    if line.spent_usd:
        facts.append(money(line.spent_usd) + (f" of {money(line.budget_usd)}" if line.budget_usd else ""))
    if line.state == "running" and line.eta_seconds is not None:
        facts.append(f"{duration(line.eta_seconds)} left")
    if line.state != "running":
        facts.append(line.state)
    head = " ".join(part for part in (safe_line(line.title or line.kind, 40), amount) if part)
    return Content.assemble((f"{sign} ", colour), (head, "$foreground"), (_tail(facts), "$text-muted"))


def _tail(facts: list[str]) -> str:
    return "".join(f" · {fact}" for fact in facts)


class JobStrip(Widget):
    """One line of jobs and, where something failed, the last error; nothing at all where there is neither."""

    DEFAULT_CSS = """
    JobStrip { dock: bottom; height: 1; padding: 0 1; background: transparent; }
    """
    ALLOW_SELECT = False

    jobs: reactive[tuple[JobLine, ...]] = reactive(())
    error: reactive[str] = reactive("")

    class ErrorChosen(Message):
        """The last error was clicked."""

    def render(self) -> Content:
        width = self.content_size.width
        parts = [job_content(line) for line in self.jobs]
        if self.error:
            text = f"✗ {safe_line(self.error)}  (! Details)"
            parts.append(Content.styled(text, "$error"))
        if not parts:
            return Content.styled("Nothing is running.", "$text-muted 60%")
        if len(parts) == 1:
            return parts[0].truncate(width, ellipsis=True)
        # Several share the line evenly, so that none pushes another out of sight.
        gap = 3
        each = max(8, (width - gap * (len(parts) - 1)) // len(parts))
        spare = sum(max(0, each - part.cell_length) for part in parts)
        long = sum(1 for part in parts if part.cell_length > each) or 1
        shown = [part.truncate(each + spare // long, ellipsis=True) for part in parts]
        return Content(" " * gap).join(shown).truncate(width, ellipsis=True)

    def on_click(self) -> None:
        if self.error:
            self.post_message(self.ErrorChosen())
