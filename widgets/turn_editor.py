"""A text field for many lines with two ways out: keep what is written, or leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from widgets.fields import TextField


class TurnEditor(Vertical):
    """Edits one text. `Kept` has the new one; `Left` has what was written, so that it can be offered again."""

    DEFAULT_CSS = """
    TurnEditor { height: 1fr; }
    TurnEditor TextField { height: 1fr; border: none; padding: 0; background: $surface; }
    TurnEditor TextField:focus { border: none; }
    TurnEditor .hint { color: $text-muted; height: auto; }
    TurnEditor .wrong { color: $error; height: auto; display: none; }
    """
    BINDING_GROUP_TITLE = "Edit"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "keep", "Keep", priority=True, id="editor.keep", tooltip="Take the new words"),
        Binding("escape", "leave", "Leave", priority=True, id="editor.leave", tooltip="Change nothing"),
    ]

    @dataclass
    class Kept(Message):
        """The person wants these words."""

        text: str

    @dataclass
    class Left(Message):
        """The person left; nothing shall change."""

        text: str

    def __init__(self, text: str, hint: str) -> None:
        super().__init__()
        self._text = text
        self._hint = hint

    def compose(self) -> ComposeResult:
        yield Static(self._hint, classes="hint", markup=False)
        yield Static(classes="wrong", markup=False)
        yield TextField(self._text, soft_wrap=True, show_line_numbers=False)

    def on_mount(self) -> None:
        field = self.query_one(TextField)
        # At the end, where the last reply is: that is what is mended most.
        field.move_cursor(field.document.end)
        self.screen.set_focus(field)

    def say(self, wrong: str) -> None:
        """Say what is wrong with the words; the field stays open."""
        said = self.query_one(".wrong", Static)
        said.update(wrong)
        said.display = bool(wrong)

    def action_keep(self) -> None:
        """Take the new words."""
        self.post_message(self.Kept(self.query_one(TextField).text))

    def action_leave(self) -> None:
        """Leave without a change."""
        self.post_message(self.Left(self.query_one(TextField).text))
