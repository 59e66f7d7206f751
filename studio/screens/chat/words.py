"""Words to change over the screen that asks for them: a question before it branches, a reply that is mended."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from widgets.safe import safe, safe_line
from widgets.turn_editor import TurnEditor


class WordsScreen(ModalScreen[str | None]):
    """Returns the new words, or None where the person left."""

    DEFAULT_CSS = """
    WordsScreen { align: center middle; background: $background 60%; }
    WordsScreen > Vertical {
        width: 94%; max-width: 120; height: 80%; background: $surface; padding: 1 2;
    }
    WordsScreen .why { height: auto; max-height: 6; color: $text-muted; margin-bottom: 1; }
    """

    def __init__(self, title: str, why: str, text: str) -> None:
        super().__init__()
        self._title, self._why, self._text = title, why, text

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content.styled(safe_line(self._title, 110), "bold"))
            yield Static(safe(self._why), classes="why", markup=False)
            yield TurnEditor(safe(self._text, line_limit=len(self._text) + 1), "ctrl+s Keep · esc Leave")

    def on_turn_editor_kept(self, event: TurnEditor.Kept) -> None:
        self.dismiss(event.text)

    def on_turn_editor_left(self, event: TurnEditor.Left) -> None:
        self.dismiss(None)
