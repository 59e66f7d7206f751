"""What all screens share: tabs above, jobs and keys below, the session, and work that cannot end the app."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from widgets.mode_bar import ModeBar, Tab

if TYPE_CHECKING:
    from store.live import Change
    from store.models import JobRecord
    from studio.jobs.chain import Step
    from studio.jobs.events import Recorded
    from studio.screens.shell import Shell
    from studio.session import Session
    from widgets.banner import Notice
    from widgets.job_strip import JobLine

TABS = (
    Tab("overview", "Overview"),
    Tab("generate", "Generate"),
    Tab("review", "Review"),
    Tab("train", "Train"),
    Tab("validate", "Validate"),
    Tab("deploy", "Deploy"),
    Tab("chat", "Chat"),
)
_RELOAD_SECONDS = 0.25
"""The shortest time between two readings of the store."""
WIDTH, HEIGHT = 80, 24
"""The smallest terminal, in cells, that a screen is laid out for."""


class StudioScreen(Screen[None]):
    """One of the seven. A subclass says its MODE, what its body is and what it does with the session."""

    MODE: ClassVar[str] = ""
    FOLLOWS: ClassVar[str | None] = None
    """The kind of job whose newest run this screen shows."""
    TABLES: ClassVar[frozenset[str]] = frozenset()
    """The tables of the store whose changes call `reload`."""
    HORIZONTAL_BREAKPOINTS = [(0, "-small"), (WIDTH, "-narrow"), (120, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (HEIGHT, "-short"), (36, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape",
            "leave",
            "Leave",
            show=False,
            id="global.leave",
            tooltip="Leave a text field, then a panel",
        ),
    ]

    session: reactive[Session | None] = reactive(None)
    jobs: reactive[tuple[JobLine, ...]] = reactive(())
    notices: reactive[tuple[Notice, ...]] = reactive(())
    error: reactive[str] = reactive("")

    @dataclass
    class Trouble(Message):
        """Work of a screen failed; the app says so, writes the log and goes on."""

        error: Exception
        doing: str

    @dataclass
    class Start(Message):
        """A job is asked for; None is the kind's own defaults."""

        kind: str
        spec: Any = None

    @dataclass
    class Run(Message):
        """A step of the chain is asked for."""

        step: Step

    @dataclass
    class RunChain(Message):
        """All steps that are left are asked for, one after the other."""

    @dataclass
    class Show(Message):
        """Another screen is asked for."""

        mode: str

    @property
    def shell(self) -> Shell:
        """The app, as far as a screen may know it."""
        return cast("Shell", self.app)

    def __init__(self) -> None:
        super().__init__()
        self._stale = False
        self._reloading = False

    def compose(self) -> ComposeResult:
        yield ModeBar(TABS, current=self.MODE, place=self.shell.place)
        with Vertical(id="body"):
            yield from self.compose_body()
        yield Static(id="too-small", markup=False)
        if self.shell.session is not None:
            yield from self._edges()

    def _edges(self) -> tuple[Widget, ...]:
        """Return what has nothing to say before the workspace is open: the very first frame need not wait for it."""
        from widgets.job_strip import JobStrip
        from widgets.key_line import KeyLine

        return (
            JobStrip().data_bind(jobs=StudioScreen.jobs, error=StudioScreen.error),
            KeyLine(kept="question_mark"),
        )

    def compose_body(self) -> ComposeResult:
        """Yield what is between the tabs and the strip."""
        yield from ()

    def on_mount(self) -> None:
        if self.shell.session is None:
            self.call_after_refresh(self._complete)
        for name in ("session", "jobs", "notices", "error"):
            self.watch(self.app, name, partial(self._take, name))

    def _complete(self) -> None:
        # A studio that is left at once is closing by now.
        if self.is_attached and self.is_running:
            self.mount(*self._edges())

    def watch_notices(self, notices: tuple[Notice, ...]) -> None:
        from widgets.banner import Banner

        if notices and not self.query(Banner):
            self.mount(Banner().data_bind(notices=StudioScreen.notices), after=self.query_one(ModeBar))

    def _take(self, name: str, value: object) -> None:
        setattr(self, name, value)

    def on_resize(self) -> None:
        width, height = self.size
        said = f"The studio needs {WIDTH}×{HEIGHT}; this terminal is {width}×{height}."
        self.query_one("#too-small", Static).update(said)

    def watch_session(self, session: Session | None) -> None:
        if session is None:
            return
        self.opened(session)
        if self.TABLES:
            self._stale = True
            self._reload_if_stale()
            self.guard(self._watch_store(session), "watching the store", group="store")
        if self.FOLLOWS is not None:
            self.guard(
                self._follow(session, self.FOLLOWS), f"following the {self.FOLLOWS} job", group="follow"
            )

    def opened(self, session: Session) -> None:
        """Begin; called once, when the workspace is open."""

    async def reload(self, session: Session) -> None:
        """Show what the store has now; called again after changes, never twice at once."""

    def job_began(self, record: JobRecord) -> None:
        """Take in that another job of the kind that is followed is the newest."""

    def job_event(self, recorded: Recorded) -> None:
        """Take in one event of the newest job."""

    def guard(
        self, work: Coroutine[Any, Any, None], doing: str, *, group: str = "work", exclusive: bool = True
    ) -> None:
        """Run `work` beside the screen; where it fails the app says so and goes on."""

        async def guarded() -> None:
            try:
                await work
            except Exception as error:
                self.post_message(self.Trouble(error, doing))

        self.run_worker(guarded(), group=group, exclusive=exclusive, exit_on_error=False)

    def on_screen_resume(self) -> None:
        self._reload_if_stale()

    def _reload_if_stale(self) -> None:
        # What nobody sees is not drawn; it is drawn when the screen comes back.
        if self._stale and not self._reloading and self.is_active and self.session is not None:
            self._stale = False
            self._reloading = True
            self.guard(self._reload(self.session), f"showing {self.MODE}", group="reload")

    async def _reload(self, session: Session) -> None:
        try:
            await self.reload(session)
            await asyncio.sleep(_RELOAD_SECONDS)
        finally:
            self._reloading = False
        self._reload_if_stale()

    async def _watch_store(self, session: Session) -> None:
        async with session.store.subscribe() as changes:
            async for change in changes:
                if change.table in self.TABLES:
                    self.store_changed(change)
                    self._stale = True
                    self._reload_if_stale()

    def store_changed(self, change: Change) -> None:
        """Take in which documents are other ones now, before `reload`."""

    async def _follow(self, session: Session, kind: str) -> None:
        from store.models import JobRecord

        async for item in session.live.events(kind):
            if isinstance(item, JobRecord):
                self.job_began(item)
            else:
                self.job_event(item)

    def on_mode_bar_chosen(self, event: ModeBar.Chosen) -> None:
        self.post_message(self.Show(event.mode))

    def action_leave(self) -> None:
        """Leave a text field; a screen with a panel closes that next."""
        self.set_focus(None)
