"""One line of text, asked for over the screen that wants it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from widgets.fields import LineField
from widgets.safe import safe_line

Check = Callable[[str], str]
"""Says what is wrong with the words, or nothing."""


class AskScreen(ModalScreen[str | None]):
    """Returns what was written, or None where the person left."""

    DEFAULT_CSS = """
    AskScreen { align: center middle; background: $background 60%; }
    AskScreen > Vertical { width: 76; max-width: 100%; height: auto; background: $surface; padding: 1 2; }
    AskScreen LineField { height: 1; border: none; padding: 0 1; margin-top: 1; background: $boost; }
    AskScreen LineField:focus { border: none; }
    AskScreen .why { height: auto; color: $text-muted; }
    AskScreen .wrong { height: auto; color: $error; }
    """
    BINDING_GROUP_TITLE = "Question"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Leave", id="ask.leave", tooltip="Say nothing"),
    ]

    def __init__(self, title: str, why: str = "", value: str = "", check: Check | None = None) -> None:
        super().__init__()
        self._title, self._why, self._value, self._check = title, why, value, check

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content.styled(safe_line(self._title), "bold"))
            if self._why:
                yield Static(safe_line(self._why), classes="why", markup=False)
            yield LineField(safe_line(self._value, 10_000))
            yield Static(classes="wrong", markup=False)

    def on_mount(self) -> None:
        self.set_focus(self.query_one(LineField))

    def on_input_submitted(self, event: LineField.Submitted) -> None:
        wrong = self._check(event.value) if self._check else ""
        if wrong:
            self.query_one(".wrong", Static).update(safe_line(wrong, 200))
        else:
            self.dismiss(event.value)
