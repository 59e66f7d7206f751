"""The studio: seven screens over one workspace, and the jobs it owns. Screens and services do the work."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from importlib import import_module
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen
from textual.theme import Theme

from studio.faults import Fault, fault_of, write_traceback
from studio.screens.frame import TABS, StudioScreen
from studio.screens.shell import Shell
from studio.stylesheet import ParsedOnce
from studio.themes import DEFAULT_THEME, THEMES
from widgets.safe import safe_line

if TYPE_CHECKING:
    from studio.jobs.view import JobView
    from studio.session import Session
    from studio.workspace import Workspace
    from widgets.banner import Notice
    from widgets.job_strip import JobStrip


_TOAST = 500
"""Characters of a toast; `!` shows an error whole."""


def _screen(mode: str) -> StudioScreen:
    """Make a screen; its module is imported when it is first shown."""
    module = import_module(f"studio.screens.{mode}.screen")
    made: StudioScreen = getattr(module, f"{mode.title()}Screen")()
    return made


def _mode_bindings() -> Iterable[Binding]:
    for number, tab in enumerate(TABS, 1):
        action, tip, name = f"show('{tab.mode}')", f"Show the {tab.title} screen", f"mode.{tab.mode}"
        # No priority: a dialog is left before its screen is.
        yield Binding(f"f{number}", action, tab.title, show=False, id=name, tooltip=tip)
        yield Binding(str(number), action, tab.title, show=False, id=f"{name}.digit", tooltip=tip)


class StudioApp(Shell):
    """Modes, global keys, the open session, and what is said about jobs and errors."""

    # The first screen's sheet is read with the app's: a sheet that comes later makes Textual parse all of them anew.
    CSS_PATH: ClassVar[list[str | PurePath]] = ["app.tcss", "screens/overview/screen.tcss"]
    TITLE = "JESSY Studio"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        tab.mode: partial(_screen, tab.mode) for tab in TABS[1:]
    }
    DEFAULT_MODE = TABS[0].mode
    BINDING_GROUP_TITLE = "Everywhere"
    BINDINGS: ClassVar[list[BindingType]] = [
        *_mode_bindings(),
        Binding(
            "ctrl+p",
            "command_palette",
            "Actions",
            show=False,
            priority=True,
            key_display="^p",
            id="global.actions",
            tooltip="Find any action by its name",
        ),
        Binding(
            "question_mark", "help", "Help", key_display="?", id="global.help", tooltip="Explain the keys"
        ),
        Binding(
            "exclamation_mark",
            "last_error",
            "Error",
            show=False,
            key_display="!",
            id="global.error",
            tooltip="Show the last error whole",
        ),
        Binding(
            "K",
            "api_key",
            "API key",
            show=False,
            id="global.key",
            tooltip="Enter the teacher's key; it is tried and goes into the keyring",
        ),
        Binding(
            "ctrl+q", "quit", "Quit", show=False, priority=True, id="global.quit", tooltip="Leave; jobs go on"
        ),
    ]

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.stylesheet = ParsedOnce(variables=self.get_css_variables())
        self.workspace = workspace
        self.place = _place(workspace.root)
        self.fault: Fault | None = None
        self._clashes: set[frozenset[str]] = set()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DEFAULT_THEME

    # --- Opening and closing -------------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[Any]:
        """Return the first screen: as the default one it spares Textual a second parse of all styles."""
        return _screen(self.DEFAULT_MODE)

    def on_mount(self) -> None:
        self.add_mode(self.DEFAULT_MODE, partial(_screen, self.DEFAULT_MODE))
        # After the first frame, which must not wait for what opening the store imports.
        self.call_after_refresh(lambda: self.guard(self._open(), "opening the workspace"))

    async def _open(self) -> None:
        try:
            from studio.session import open_session

            session = await open_session(self.workspace, self._show_jobs, self._job_ended)
        except Exception as error:
            self.notices = (_notice(_fault(self, error, "opening the workspace").text, "error"),)
            raise
        self._apply_settings(session)
        self.notices = (*session.notices, *self.notices)
        self.session = session
        if not session.readonly:
            self.guard(session.manager.watch(), "taking in what the jobs did")
        self.guard(session.live.run(), "following the jobs")
        # What is here now stays: full collections that look at all of it hold the screen for a tenth of a second.
        self.call_after_refresh(gc.freeze)
        await self._check_keys(session)

    def _apply_settings(self, session: Session) -> None:
        settings = session.settings
        if settings.theme and settings.theme in self.available_themes:
            self.theme = settings.theme
        elif settings.theme:
            known = ", ".join(sorted(self.available_themes))
            text = f"settings.toml: theme: found {safe_line(settings.theme)}, expected one of {known}."
            self.notices = (*self.notices, _notice(text))
        self.set_keymap(settings.keys)

    async def _check_keys(self, session: Session) -> None:
        """Say which keys of the settings name nothing; importing all screens for it makes the first F2 quick."""
        from studio.screens.keys import unknown_ids

        unknown = await asyncio.to_thread(unknown_ids, session.settings.keys)
        if unknown:
            names = ", ".join(safe_line(name, 40) for name in unknown)
            text = f"settings.toml: keys: found {names}, expected ids out of docs/keys.md."
            self.notices = (*self.notices, _notice(text))
        self.theme_changed_signal.subscribe(self, self._remember_theme)

    def _remember_theme(self, theme: Theme) -> None:
        self.guard(self._write_theme(theme.name), "remembering the theme")

    async def _write_theme(self, name: str) -> None:
        from studio.config.settings import update_settings

        await asyncio.to_thread(partial(update_settings, theme=name))

    def handle_bindings_clash(self, clashed_bindings: set[Binding], node: DOMNode) -> None:
        """Say once which of the person's keys push others out of their place."""
        ids = frozenset(binding.id or binding.action for binding in clashed_bindings)
        if ids not in self._clashes:
            self._clashes.add(ids)
            text = f"settings.toml: keys: one key for two actions; {', '.join(sorted(ids))} has lost its own."
            self.notices = (*self.notices, _notice(text))

    async def on_unmount(self) -> None:
        if self.session is not None:
            await self.session.close()

    # --- Work that may fail --------------------------------------------------------------------------------

    def guard(self, work: Coroutine[Any, Any, None], doing: str) -> None:
        """Run `work` beside the app; where it fails, say so, log it and go on."""

        async def guarded() -> None:
            try:
                await work
            except Exception as error:
                self.report(error, doing)

        self.run_worker(guarded(), exit_on_error=False)

    def report(self, error: Exception, doing: str) -> None:
        """Tell a failure: what happened, what was kept, what to do, and where the traceback is."""
        self._tell(_fault(self, error, doing))

    def _tell(self, fault: Fault) -> None:
        self.fault = fault
        self.error = safe_line(fault.what)
        self.notify(safe_line(fault.text, _TOAST), title="Failed", severity="error", timeout=12, markup=False)

    def _handle_exception(self, error: Exception) -> None:
        # A defect of the studio itself: Textual ends the app, so that the log must have it before.
        write_traceback(error, self.workspace.logs, "running the studio")
        super()._handle_exception(error)

    # --- Jobs ----------------------------------------------------------------------------------------------

    def _show_jobs(self, views: tuple[JobView, ...]) -> None:
        from studio.screens.lines import job_lines

        self.jobs = job_lines(views)

    def _job_ended(self, view: JobView) -> None:
        name = safe_line(view.title or view.kind, 60)
        if view.failed is not None:
            failed = view.failed
            log = Path(failed.log_path) if failed.log_path else None
            self._tell(Fault(f"{name}: {failed.what}", failed.kept, failed.to_do, log))
        elif view.error:
            self._tell(Fault(f"{name}: {view.error}", "", ""))
        elif view.finished is not None:
            self.notify(safe_line(view.finished.summary, _TOAST), title=name, markup=False)

    def on_studio_screen_start(self, event: StudioScreen.Start) -> None:
        self.guard(self._start(event.kind, event.spec), f"starting {event.kind}")

    async def _start(self, kind: str, spec: Any) -> None:
        session = self.session
        if session is not None:
            await session.start(kind, spec)

    def on_studio_screen_run(self, event: StudioScreen.Run) -> None:
        if self.session is not None:
            self.guard(self.session.run_step(event.step), f"running {event.step.name}")

    def on_studio_screen_run_chain(self, _: StudioScreen.RunChain) -> None:
        if self.session is not None:
            self.guard(self.session.run_chain(), "running the chain")

    # --- What screens ask for ------------------------------------------------------------------------------

    def on_studio_screen_trouble(self, event: StudioScreen.Trouble) -> None:
        self.report(event.error, event.doing)

    def on_studio_screen_show(self, event: StudioScreen.Show) -> None:
        self.action_show(event.mode)

    async def on_job_strip_error_chosen(self, event: JobStrip.ErrorChosen) -> None:
        await self.action_last_error()

    def action_show(self, mode: str) -> None:
        """Show one of the seven screens."""
        self.switch_mode(mode)

    async def action_help(self) -> None:
        """Explain the keys that work now."""
        from studio.screens.dialogs.help import HelpScreen, keys_of

        await self.push_screen(HelpScreen(keys_of(self.screen, self)))

    async def action_api_key(self) -> None:
        """Ask for the teacher's API key."""
        from studio.screens.dialogs.api_key import ApiKeyScreen

        await self.push_screen(ApiKeyScreen(self.session.settings.base_url if self.session else None))

    async def action_last_error(self) -> None:
        """Show the last error whole."""
        from studio.screens.dialogs.fault import FaultScreen

        if self.fault is None:
            self.notify("Nothing has failed since the studio was opened.")
        else:
            self.error = ""
            await self.push_screen(FaultScreen(self.fault))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Offer every action that has a key here, then what Textual itself offers."""
        seen: set[tuple[DOMNode, str]] = set()
        for node, binding, enabled, tooltip in screen.active_bindings.values():
            if not enabled or not binding.description or binding.system or (node, binding.action) in seen:
                continue
            seen.add((node, binding.action))
            run = partial(self.run_action, binding.action, node)
            yield SystemCommand(binding.description, tooltip or binding.description, run)
        yield from super().get_system_commands(screen)


def _fault(app: StudioApp, error: Exception, doing: str) -> Fault:
    return fault_of(error, app.workspace.logs, doing)


def _notice(text: str, level: Literal["warning", "error"] = "warning") -> Notice:
    from widgets.banner import Notice

    return Notice(text, level)


def _place(root: Path) -> str:
    try:
        return f"~/{root.relative_to(Path.home()).as_posix()}"
    except ValueError:
        return root.as_posix()
