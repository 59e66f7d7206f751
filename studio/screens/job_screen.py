"""What the screens of long jobs share: the newest run, drawn at most four times a second, and its keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from studio.screens.frame import StudioScreen
from widgets.job_strip import job_content
from widgets.safe import safe

if TYPE_CHECKING:
    from store.models import JobRecord
    from studio.jobs.events import Recorded
    from studio.jobs.view import JobView
    from studio.session import Session

_DRAW_SECONDS = 0.25
_ALIVE = frozenset({"running", "paused", "queued"})
_INTERRUPTED = frozenset({"failed", "killed", "stopped"})


class JobScreen(StudioScreen):
    """Follows the newest job of the kind FOLLOWS."""

    EMPTY: ClassVar[str] = ""
    """The sentence that shows before the first job, with its key."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "go", "Start", id="job.start", tooltip="Start a new one with the defaults"),
        Binding("p", "pause", "Pause", id="job.pause", tooltip="Hold still, or go on"),
        Binding("x", "stop('stop')", "Stop", id="job.stop", tooltip="End it; what it has is kept"),
        Binding("t", "again", "Resume", id="job.resume", tooltip="Go on where it ended"),
    ]

    view: JobView | None = None

    def __init__(self) -> None:
        super().__init__()
        self._dirty = True

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(_DRAW_SECONDS, self._draw_if_dirty)

    def job_began(self, record: JobRecord) -> None:
        from studio.jobs.view import view_of

        if self.view is None or self.view.id != record.id:
            self.view = view_of(record)
            self.another(record)
        else:
            self.view = replace(self.view, state=record.state, error=record.error or "")
        self._dirty = True
        self.refresh_bindings()

    def job_event(self, recorded: Recorded) -> None:
        from studio.jobs.view import fold

        if self.view is None:
            return
        before = self.view.state
        self.view = fold(self.view, recorded)
        self.took(recorded)
        self._dirty = True
        if self.view.state != before:
            self.refresh_bindings()

    def another(self, record: JobRecord) -> None:
        """Forget the run before: another one is the newest."""

    def took(self, recorded: Recorded) -> None:
        """Take in an event beyond what the picture has."""

    def draw(self, view: JobView) -> None:
        """Show the picture."""

    def without_job(self) -> Content:
        """Return what the first line says while there was no job of this kind."""
        return Content(self.EMPTY)

    def _draw_if_dirty(self) -> None:
        if self._dirty and self.is_active:
            self._dirty = False
            self._draw_status()
            if self.view is not None:
                self.draw(self.view)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._dirty = True

    def watch_session(self, session: Session | None) -> None:
        super().watch_session(session)
        self._dirty = True

    def _draw_status(self) -> None:
        from studio.screens.lines import job_line

        view = self.view
        if view is None:
            said = self.without_job() if self.session is not None else Content("")
        elif view.failed is not None and view.state == "failed":
            failed = view.failed
            log = f" Log: {failed.log_path}" if failed.log_path else ""
            said = Content.assemble(
                ("✗ ", "$error"), safe(f"{failed.what} {failed.kept} {failed.to_do}{log}")
            )
        elif view.error:
            said = Content.assemble(("✗ ", "$error"), safe(view.error))
        elif view.finished is not None and view.over:
            said = Content.assemble(("✓ ", "$success"), safe(view.finished.summary))
        else:
            said = job_content(job_line(view))
        self.query_one("#status", Static).update(said)

    # --- Keys ----------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done with the newest job now."""
        state = self.view.state if self.view is not None else ""
        match action:
            case "go":
                return self.session is not None and state not in _ALIVE
            case "pause":
                return state in {"running", "paused"}
            case "stop":
                return state in _ALIVE
            case "again":
                return state in _INTERRUPTED
            case _:
                return True

    def action_go(self) -> None:
        """Start a new job with the defaults."""
        if self.FOLLOWS is not None:
            self.notify(f"Starting {self.FOLLOWS} …", timeout=3)
            self.post_message(self.Start(self.FOLLOWS))

    def action_pause(self) -> None:
        """Hold the job, or let it go on."""
        if self.view is not None:
            self._request("resume" if self.view.state == "paused" else "pause")

    def action_stop(self, how: str) -> None:
        """End the job."""
        self._request("stop_and_save" if how == "stop_and_save" else "stop")

    def action_again(self) -> None:
        """Let a job go on that was stopped, killed or has failed."""
        if self.view is not None and self.session is not None:
            self.guard(self._resume(self.session.manager, self.view.id), f"resuming {self.FOLLOWS}")

    async def _resume(self, manager: Any, job_id: str) -> None:
        await manager.resume(job_id)
        if self.session is not None:
            self.session.live.wake()

    def _request(self, command: Literal["pause", "resume", "stop", "stop_and_save"]) -> None:
        if self.view is None or self.session is None:
            return
        try:
            self.session.manager.request(self.view.id, command)
        except Exception as error:
            self.post_message(self.Trouble(error, f"asking {self.FOLLOWS} to {command.replace('_', ' ')}"))
