"""The conversations so far, over the chat: find one by its words and open it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from widgets.fields import LineField
from widgets.format import ago
from widgets.line_list import LineList
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.live import AsyncStore
    from studio.jobs.chat.sessions import Listed


class SessionsScreen(ModalScreen[str | None]):
    """Returns the id of a conversation, or None."""

    DEFAULT_CSS = """
    SessionsScreen { align: center middle; background: $background 60%; }
    SessionsScreen > Vertical { width: 94%; max-width: 110; height: 80%; background: $surface; padding: 1 2; }
    SessionsScreen LineField { height: 1; border: none; padding: 0 1; margin: 1 0; background: $boost; }
    SessionsScreen LineField:focus { border: none; }
    """
    BINDING_GROUP_TITLE = "Conversations"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", id="sessions.close", tooltip="Open none"),
        Binding(
            "down",
            "rows",
            "To the list",
            show=False,
            id="sessions.rows",
            tooltip="From the words to the list",
        ),
        Binding(
            "slash", "words", "Find", show=False, id="sessions.words", tooltip="From the list to the words"
        ),
    ]

    def __init__(self, store: AsyncStore, current: str = "") -> None:
        super().__init__()
        self._store, self._current = store, current

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content.styled("Conversations", "bold"))
            yield LineField(placeholder="Find words in all of them; Enter opens the first")
            yield LineList("No conversation has these words.")

    def on_mount(self) -> None:
        self.set_focus(self.query_one(LineList))
        self._look("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._look(event.value.strip())

    def _look(self, words: str) -> None:
        self.run_worker(self._list(words), exclusive=True, exit_on_error=False)

    async def _list(self, words: str) -> None:
        from store.models import now
        from studio.jobs.chat.sessions import listed

        found = await self._store.run(lambda store: listed(store, words))
        moment = now()
        rows = self.query_one(LineList)
        rows.show([item.id for item in found])
        rows.supply({item.id: _row(item, ago(item.at, moment)) for item in found})
        if not words:
            rows.select(self._current)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        ids = self.query_one(LineList).ids
        if ids:
            self.dismiss(ids[0])

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        self.dismiss(event.row_id)

    def action_rows(self) -> None:
        """Go to the list."""
        self.set_focus(self.query_one(LineList))

    def action_words(self) -> None:
        """Go to the words."""
        self.set_focus(self.query_one(LineField))


def _row(item: Listed, when: str) -> Content:
    where = f"  “{safe_line(item.found, 60)}”" if item.found else ""
    turns = "1 turn" if item.turns == 1 else f"{item.turns:,} turns"
    return Content.assemble(
        safe_line(item.title or "(no words)", 60),
        (where, "$accent"),
        (f"  {turns} · {safe_line(item.model, 40)} · {when}", "$text-muted"),
    )
