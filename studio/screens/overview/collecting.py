"""What a collect would bring, held back and left out, before anything is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from studio.screens.dialogs.ask import AskScreen
from studio.screens.dialogs.reading import Page, ReadingScreen
from widgets.conversation import Turn
from widgets.format import count, plural
from widgets.line_list import Line, LineList
from widgets.safe import safe, safe_line

if TYPE_CHECKING:
    from studio.jobs.collect.cut import Cut
    from studio.session import Session

_MOST_PAGES = 20
"""Pieces of one file that are shown."""
_SIGNS = {"new": ("+", "$success"), "changed": ("~", "$warning"), "removed": ("-", "$error")}
_Row = tuple[str, Line]


class CollectingScreen(ModalScreen[object]):
    """Returns the spec of what shall be collected, or None."""

    DEFAULT_CSS = """
    CollectingScreen { align: center middle; background: $background 60%; }
    CollectingScreen > Vertical {
        width: 94%; max-width: 140; height: 90%; background: $surface; padding: 1 2;
    }
    CollectingScreen .title, CollectingScreen .said { height: auto; }
    CollectingScreen LineList { margin: 1 0; }
    CollectingScreen .keys { height: 1; color: $text-muted; }
    """
    BINDING_GROUP_TITLE = "Collecting"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "accept", "Collect", id="collecting.accept", tooltip="Store what is shown"),
        Binding(
            "plus",
            "folder",
            "Folder",
            key_display="+",
            id="collecting.folder",
            tooltip="Look in another folder, too",
        ),
        Binding("escape,q", "leave", "Close", id="collecting.close", tooltip="Store nothing"),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._folders: tuple[str, ...] = ()
        self._result: dict[str, Any] | None = None
        """What the last preview found; None while it is made, or where there was nothing."""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content.styled("Collect: what would be stored", "bold $accent"), classes="title")
            yield Static("Looking …", classes="said", markup=False)
            yield LineList("Nothing is new, changed or held back.", id="found")
            yield Static(classes="keys", markup=False)

    def on_mount(self) -> None:
        self.set_focus(self.query_one(LineList))
        self._look()

    def _look(self) -> None:
        self._result = None
        self.refresh_bindings()
        self._say_keys()
        self.run_worker(self._preview(), group="preview", exclusive=True, exit_on_error=False)

    async def _preview(self) -> None:
        from studio.jobs.collect.job import Spec
        from studio.jobs.events import Failed, Finished, Progress

        said = self.query_one(".said", Static)
        spec = Spec(dry_run=True, folders=self._folders)
        async with aclosing(self._session.manager.stream("collect", spec)) as events:
            async for event in events:
                if isinstance(event, Progress):
                    said.update(f"Looking … {count(event.done)} files {safe_line(event.label, 60)}")
                elif isinstance(event, Failed):
                    self.query_one(LineList).show([])
                    said.update(safe(f"{event.what} {event.to_do}"))
                elif isinstance(event, Finished):
                    self._show(event.summary, event.result)

    def _show(self, summary: str, result: dict[str, Any]) -> None:
        self._result = result
        self.query_one(".said", Static).update(safe(summary))
        rows = list(_rows(result))
        found = self.query_one(LineList)
        found.show([key for key, _ in rows])
        found.supply(dict(rows))
        self.refresh_bindings()
        self._say_keys()

    def _say_keys(self) -> None:
        take = "a Collect · " if self.check_action("accept", ()) else ""
        self.query_one(".keys", Static).update(f"{take}+ Folder · enter Read · esc Close")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to collect only what was seen, and only where this studio writes."""
        if action == "accept":
            return self._result is not None and not self._session.readonly
        return True

    def action_accept(self) -> None:
        """Store it."""
        from studio.jobs.collect.job import Spec

        self.dismiss(Spec(folders=self._folders))

    def action_leave(self) -> None:
        """Store nothing."""
        self.dismiss(None)

    async def action_folder(self) -> None:
        """Ask for a folder, and look there as well."""
        from studio.jobs.collect.survey import as_written

        def wrong(text: str) -> str:
            return (
                ""
                if text.strip() and Path(text.strip()).expanduser().is_dir()
                else "There is no such folder."
            )

        def done(text: str | None) -> None:
            if text:
                folder = as_written(self._session.workspace, Path(text.strip()))
                self._folders = tuple(dict.fromkeys((*self._folders, folder)))
                self._look()

        why = "Sources without a root of their own look there as well; data/sources.toml remembers it."
        await self.app.push_screen(AskScreen("Which folder?", why, check=wrong), done)

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        event.stop()
        kind, _, place = event.row_id.partition(":")
        if kind == "change" and self._result is not None:
            change = self._result["changes"][int(place)]
            if change["state"] != "removed":
                self.run_worker(self._read(change["path"]), group="read", exclusive=True, exit_on_error=False)

    async def _read(self, path: str) -> None:
        """Show what a file would be cut into."""
        from studio.jobs.collect.survey import place_of

        file = place_of(self._session.workspace, path)
        try:
            made = await asyncio.to_thread(_cut, path, file)
        except OSError as error:
            self.notify(
                f"{safe_line(path, 80)} cannot be read: {safe_line(error, 80)}",
                severity="warning",
                markup=False,
            )
            return
        pages = [
            Page(
                f"{piece.title or piece.kind} · {path}:{piece.lines[0]}",
                tuple(Turn(role=m.role, text=m.content) for m in piece.messages)
                or (Turn(role=piece.language or piece.kind, text=piece.text),),
                tuple(fact for fact in (piece.signature, piece.doc) if fact),
            )
            for piece in made.pieces[:_MOST_PAGES]
        ]
        if len(made.pieces) > _MOST_PAGES:
            pages.append(Page(f"… and {count(len(made.pieces) - _MOST_PAGES)} more", ()))
        if pages:
            await self.app.push_screen(ReadingScreen(tuple(pages)))


def _cut(path: str, file: Path) -> Cut:
    from studio.jobs.collect.cut import cut_file
    from studio.jobs.collect.files import Named
    from studio.jobs.collect.pieces import Skipped
    from studio.jobs.collect.reading import Found

    made = cut_file(Found(Named("", "", path, str(file), local_only=False), "", 0))
    if isinstance(made, Skipped):
        raise OSError(made.reason)
    return made[1]


def _rows(result: dict[str, Any]) -> Iterator[_Row]:
    """Yield what a person should see first, first: held back, personal, then what comes, then what is left out."""
    for number, held in enumerate(result["held"]):
        where = f" ({held['conversation']})" if held["conversation"] else ""
        text = f"held back  {held['path']}:{held['line']}{where}  looks like {held['kind']}"
        yield f"held:{number}", _line("✗", "$error", text)
    for number, mark in enumerate(result["personal"]):
        yield (
            f"personal:{number}",
            _line("!", "$warning", f"personal data  {mark['path']}:{mark['line']}  {mark['kinds']}"),
        )
    for number, change in enumerate(result["changes"]):
        sign, colour = _SIGNS[change["state"]]
        figures = [plural(change["documents"], "document")] if change["documents"] else []
        figures += [plural(change["examples"], "conversation")] if change["examples"] else []
        text = f"{change['category']:<14} {change['path']}  {', '.join(figures)}"
        yield f"change:{number}", _line(sign, colour, text)
    for number, skipped in enumerate(result["skipped"]):
        yield (
            f"skipped:{number}",
            _line("–", "$text-muted", f"left out  {skipped['path']}  {skipped['reason']}"),
        )


def _line(sign: str, colour: str, text: str) -> Content:
    return Content.assemble((f"{sign} ", colour), safe_line(text, 400))
