"""Validate: subjects side by side over the suites, and each reply by Enter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from studio.screens.dialogs.reading import Page, ReadingScreen
from studio.screens.job_screen import JobScreen
from widgets.conversation import Turn
from widgets.format import percent
from widgets.line_list import LineList
from widgets.safe import safe_line
from widgets.score_table import ScoreCell, ScoreRow, ScoreTable

if TYPE_CHECKING:
    from store.database import Store
    from store.models import CaseResult, PairedGain, Scorecard
    from studio.session import Session


class ValidateScreen(JobScreen):
    """The newest scorecard, and the validate job that makes the next one."""

    CSS_PATH = "screen.tcss"
    MODE = "validate"
    FOLLOWS = "validate"
    TABLES = frozenset({"scorecards"})
    AUTO_FOCUS = "#cases"
    BINDING_GROUP_TITLE = "Validate"
    EMPTY = "Nothing was validated yet. g Start"
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self) -> None:
        super().__init__()
        self._card: Scorecard | None = None

    def compose_body(self) -> ComposeResult:
        yield Static(id="status", markup=False)
        yield ScoreTable()
        yield Static("Cases, worst first", id="cases-title", classes="heading", markup=False)
        yield LineList("Each case and its replies show here when the first scorecard is there.", id="cases")

    async def reload(self, session: Session) -> None:
        card = await session.store.run(_newest)
        if card is None or card == self._card:
            return
        self._card = card
        self._dirty = True
        table = self.query_one(ScoreTable)
        table.subjects = tuple(subject.subject for subject in card.subjects)
        table.against = _against(card)
        table.rows = score_rows(card)
        results = sorted(card.subjects[-1].results, key=lambda result: result.score)
        rows = self.query_one("#cases", LineList)
        targets = {score.suite: score.target for score in card.subjects[-1].suites}
        rows.show([result.case_id for result in results], keep_lines=False)
        rows.supply(
            {result.case_id: _case_line(result, targets.get(result.suite, 1.0)) for result in results}
        )

    def without_job(self) -> Content:
        if self._card is None:
            return Content(self.EMPTY)
        day = self._card.created_at.astimezone().strftime("%d %b %Y")
        last = safe_line(self._card.subjects[-1].subject, 60)
        return Content.assemble((last, "bold"), (f"  scored {day}", "$text-muted"))

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        if self._card is not None:
            name = self.session.persona.name if self.session and self.session.persona else "assistant"
            self.app.push_screen(ReadingScreen(case_pages(self._card, event.row_id), name))


def score_rows(card: Scorecard) -> tuple[ScoreRow, ...]:
    """Return a row a suite, the verdict that of the last subject against the one before it."""
    by_subject = [{score.suite: score for score in subject.suites} for subject in card.subjects]
    suites = [score.suite for score in card.subjects[-1].suites] if card.subjects else []
    rows = []
    for suite in suites:
        scores = [scores.get(suite) for scores in by_subject]
        cells = tuple(ScoreCell(s.mean, (s.high - s.low) / 2) if s is not None else None for s in scores)
        target = next(score.target for score in scores if score is not None)
        gain = _gain(card, suite)
        rows.append(ScoreRow(suite, target, cells, _verdict(gain), _moved(gain)))
    return tuple(rows)


def case_pages(card: Scorecard, case_id: str) -> tuple[Page, ...]:
    """Return what each subject replied to a case, with its traits."""
    pages = []
    for subject in reversed(card.subjects):
        for result in subject.results:
            if result.case_id == case_id:
                traits = " · ".join(f"{name} {percent(value)}" for name, value in result.traits.items())
                turns = (Turn("user", result.prompt), Turn("assistant", result.reply))
                pages.append(Page(f"{subject.subject}   {percent(result.score)}", turns, (traits,)))
    return tuple(pages)


def _newest(store: Store) -> Scorecard | None:
    return max(store.scorecards, key=lambda card: card.created_at, default=None)


def _gain(card: Scorecard, suite: str) -> PairedGain | None:
    subject = card.subjects[-1].subject
    found = [gain for gain in card.gains if gain.suite == suite and gain.subject == subject]
    return found[-1] if found else None


def _against(card: Scorecard) -> str:
    gain = next((gain for gain in reversed(card.gains)), None)
    return f"{gain.subject} against {gain.against}" if gain else ""


def _verdict(gain: PairedGain | None) -> str:
    if gain is None:
        return ""
    if gain.low <= 0 <= gain.high:
        return "can't tell"
    return f"{'better' if gain.mean > 0 else 'worse'} {100 * gain.mean:+.0f}"


def _moved(gain: PairedGain | None) -> str:
    return (
        f"{gain.fixed} fixed, {gain.regressed} regressed" if gain and (gain.fixed or gain.regressed) else ""
    )


def _case_line(result: CaseResult, target: float) -> Content:
    good = result.score >= target
    return Content.assemble(
        ("✓ " if good else "✗ ", "$success" if good else "$error"),
        f"{percent(result.score):>5}  ",
        (f"{safe_line(result.case_id, 12):<8}", "$text-muted"),
        safe_line(result.prompt, 200),
        ("  →  ", "$text-muted"),
        (safe_line(result.reply, 300), "$text-muted"),
    )
