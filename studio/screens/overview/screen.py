"""Overview: the next step in a sentence, then where everything stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from studio.screens.frame import StudioScreen
from widgets.format import ago, count, money
from widgets.safe import safe_line

if TYPE_CHECKING:
    from studio.jobs.chain import Step
    from studio.jobs.summary import PhaseStanding, Summary
    from studio.session import Session
    from widgets.banner import Notice
    from widgets.standing import PhaseRow

_JOBS = frozenset({"generate", "train", "validate", "deploy"})
"""Steps that a job does; the others are the person's, on their own screen."""


class OverviewScreen(StudioScreen):
    """The first screen."""

    CSS_PATH = "screen.tcss"
    MODE = "overview"
    BINDING_GROUP_TITLE = "Overview"
    TABLES = frozenset(
        {
            "examples",
            "pairs",
            "sources",
            "training_runs",
            "scorecards",
            "deployments",
            "jobs",
            "chat_sessions",
        }
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "next", "Next step", id="overview.next", tooltip="Do what the first line says"),
        Binding(
            "g",
            "chain",
            "All in a row",
            id="overview.chain",
            tooltip="Do all steps that are left; the review accepts what passes its recipe",
        ),
        Binding(
            "c",
            "collect",
            "Collect",
            id="overview.collect",
            tooltip="See what the sources and your folders would bring, then take it in",
        ),
    ]

    _step: Step | None = None

    def compose_body(self) -> ComposeResult:
        yield Static("Opening the workspace …", id="next", markup=False)
        yield Horizontal(id="tables")
        yield Static(id="facts", markup=False)

    def watch_notices(self, notices: tuple[Notice, ...]) -> None:
        super().watch_notices(notices)
        if self.session is None and any(notice.level == "error" for notice in notices):
            self.query_one("#next", Static).update("The workspace is not open.")

    async def reload(self, session: Session) -> None:
        # Not before the first frame, which has nothing to put into them.
        from studio.jobs.summary import summarize
        from widgets.standing import CategoryTable, PhaseTable

        summary = await session.store.run(lambda store: summarize(store, session.persona))
        if not self.query(PhaseTable):
            await self.query_one("#tables").mount(PhaseTable(), CategoryTable())
        self._show(summary)
        self._step = await session.next_step()
        self.query_one("#next", Static).update(self._sentence())
        self.refresh_bindings()

    def _sentence(self) -> Content:
        if self._step is None:
            return Content.assemble(
                ("✓ ", "$success"), "Every step is done. Chat with what you made ", ("(7)", "$text-muted")
            )
        return Content.assemble(
            ("Next  ", "bold $accent"), (safe_line(self._step.sentence), "bold"), ("  Enter", "$accent")
        )

    def _show(self, summary: Summary) -> None:
        from widgets.standing import CategoryRow, CategoryTable, PhaseTable

        self.query_one(PhaseTable).rows = tuple(_phase_row(phase) for phase in summary.phases)
        self.query_one(CategoryTable).rows = tuple(
            CategoryRow(row.category, row.have, row.target, row.accepted, row.decided)
            for row in summary.categories
        )
        self.query_one("#facts", Static).update(_facts(summary))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the next step only where there is one."""
        return self._step is not None if action in ("next", "chain") else True

    def action_chain(self) -> None:
        """Start all steps that are left, one after the other."""
        self.post_message(self.RunChain())

    async def action_collect(self) -> None:
        """Show what a collect would bring; what the person takes in is a job as always."""
        from studio.screens.overview.collecting import CollectingScreen

        session = self.session
        if session is None:
            return

        def done(spec: object) -> None:
            if spec is not None:
                self.post_message(self.Start("collect", spec))

        await self.app.push_screen(CollectingScreen(session), done)

    async def action_next(self) -> None:
        """Start the next step's job, or show the screen where the person does it; a collect is looked at first."""
        step = self._step
        if step is None:
            return
        if step.name == "collect":
            await self.action_collect()
            return
        if step.name in _JOBS and not step.running and self.session is not None:
            self.post_message(self.Run(step))
        self.post_message(self.Show(step.screen))


def _phase_row(phase: PhaseStanding) -> PhaseRow:
    from widgets.standing import PhaseRow

    half = (phase.high - phase.low) / 2 if phase.high is not None and phase.low is not None else None
    return PhaseRow(phase.name, phase.state, phase.gate, phase.mean, half)


def _facts(summary: Summary) -> Content:
    from store.models import now

    moment = now()
    lines = []
    if summary.pending:
        lines.append(f"{'Waiting':<11}{count(summary.pending)} examples for review")
    if summary.mends:
        lines.append(f"{'Mends':<11}{count(summary.mends)} from chats wait for review")
    if summary.last_run and summary.last_run_at:
        lines.append(
            f"{'Run':<11}{safe_line(summary.last_run, 40)} {summary.last_run_state}, "
            f"{ago(summary.last_run_at, moment)}"
        )
    if summary.deployed and summary.deployed_at:
        lines.append(f"{'Deployed':<11}{safe_line(summary.deployed, 60)}, {ago(summary.deployed_at, moment)}")
    lines.append(f"{'Money':<11}{money(summary.spent_usd)} spent on teachers and judges")
    return Content("\n").join(Content.assemble((line[:11], "$text-muted"), line[11:]) for line in lines)
