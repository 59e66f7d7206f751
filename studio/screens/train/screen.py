"""Train: the losses of the newest run as they fall, and the figures that tell whether it is well."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from studio.screens.job_screen import JobScreen
from widgets.figures import Figure, Figures
from widgets.format import count, duration, size
from widgets.log_pane import LogPane
from widgets.loss_chart import LossChart
from widgets.loss_history import LossHistory
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.models import JobRecord
    from studio.jobs.events import Recorded
    from studio.jobs.view import JobView
    from studio.session import Session


_CHART_SECONDS = 1.0
"""Between two drawings of the chart, which takes more than all figures together, from the run too."""


class TrainScreen(JobScreen):
    """The newest training run."""

    CSS_PATH = "screen.tcss"
    MODE = "train"
    FOLLOWS = "train"
    AUTO_FOCUS = ""
    BINDING_GROUP_TITLE = "Train"
    EMPTY = "Nothing was trained yet. g Start"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "w",
            "stop('stop_and_save')",
            "Stop and save",
            id="train.save",
            tooltip="Save a checkpoint, then end",
        ),
        Binding(
            "T",
            "safer",
            "Resume safer",
            id="train.safer",
            tooltip="Go on at settings that avoid what ended it: smaller parts, a lower rate, without a bad example",
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._history = LossHistory()
        self._chart_stale = False

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(_CHART_SECONDS, self._chart_if_stale)

    def compose_body(self) -> ComposeResult:
        yield Static(id="status", markup=False)
        with Horizontal(id="live"):
            yield LossChart()
            yield Figures()
        yield Static(id="sample", markup=False)
        yield LogPane(id="log")

    def opened(self, session: Session) -> None:
        self.guard(self.query_one(LossChart).prepare(), "loading the chart", group="chart")

    def another(self, record: JobRecord) -> None:
        self._history, self._chart_stale = LossHistory(), True
        self.query_one(LogPane).clear()

    def took(self, recorded: Recorded) -> None:
        from studio.jobs.events import Log, Metrics, Stage

        event, log = recorded.event, self.query_one(LogPane)
        match event:
            case Metrics():
                valid = event.values.get("valid_loss")
                self._history.add(event.step, event.values.get("loss"), valid)
                self._chart_stale = True
                if valid is not None:
                    log.say(recorded.at, f"step {count(event.step)}  validation loss {valid:.3f}")
            case Log():
                log.say(recorded.at, event.text, event.level)
            case Stage() if event.state != "running":
                level = "error" if event.state == "failed" else "info"
                log.say(recorded.at, f"{event.name} {event.state}  {event.detail}", level)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer safer settings where a run ended on its own."""
        if action == "safer":
            return self.view is not None and self.view.state in {"failed", "killed"}
        return super().check_action(action, parameters)

    def action_safer(self) -> None:
        """Let a run that failed or was killed go on at safer settings."""
        if self.view is not None and self.session is not None:
            self.guard(self._resume_safer(self.session, self.view.id), "resuming at safer settings")

    async def _resume_safer(self, session: Session, job_id: str) -> None:
        from studio.jobs.train.safer import make_safer

        record = await session.manager.record(job_id)
        safer = await asyncio.to_thread(make_safer, session.workspace.root / record.folder)
        await session.manager.resume(job_id)
        session.live.wake()
        self.notify(f"Going on with {safe_line(safer.words, 200)}.", markup=False)

    def draw(self, view: JobView) -> None:
        if view.over or not self.query_one(LossChart).drawn:
            self._chart_if_stale()
        self.query_one(Figures).rows = tuple(self._figures(view))
        sample = view.sample
        if sample is not None:
            said = Content.assemble(
                (f"Step {count(sample.step)}  ", "$text-muted"),
                safe_line(sample.prompt, 200),
                ("  →  ", "$text-muted"),
                safe_line(sample.reply, 400),
            )
            self.query_one("#sample", Static).update(said)

    def _chart_if_stale(self) -> None:
        if self._chart_stale and self.is_active:
            self._chart_stale = False
            self.query_one(LossChart).show(self._history)

    def _figures(self, view: JobView) -> list[Figure]:
        def number(name: str, form: str) -> str:
            value = view.metric(name)
            return "" if value is None else format(value, form)

        def memory(name: str) -> str:
            value = view.metric(name)
            return "" if value is None else size(value)

        best = self._history.best
        steps = count(view.step or 0) + (f"/{count(view.total)}" if view.total else "")
        padding = view.metric("padding")
        return [
            Figure("step", steps if view.step is not None else ""),
            Figure("epoch", number("epoch", ".2f")),
            Figure(
                "left", duration(view.eta_seconds) if view.eta_seconds is not None and not view.over else ""
            ),
            Figure("loss", number("loss", ".3f")),
            Figure("best valid", f"{best[1]:.3f}" if best else ""),
            Figure("tokens/s", number("tokens_per_second", ",.0f")),
            Figure("steps/s", number("steps_per_second", ".2f")),
            Figure("lr", number("learning_rate", ".1e")),
            Figure("grad norm", number("grad_norm", ".2f")),
            Figure("memory", memory("memory_bytes")),
            Figure("peak", memory("peak_memory_bytes")),
            Figure("padding", "" if padding is None else f"{100 * padding:.1f} %"),
        ]
