"""The field for what one wants to say: many lines, Enter sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from widgets.fields import TextField


class PromptField(TextField):
    """Enter sends, ctrl+j makes a new line; empty words are not sent."""

    DEFAULT_CSS = """
    PromptField { height: auto; min-height: 1; max-height: 6; border: none; padding: 0 1; background: $surface; }
    PromptField:focus { border: none; }
    """
    BINDING_GROUP_TITLE = "Message"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send", id="chat.send", tooltip="Send what is written", priority=True),
        Binding(
            "ctrl+j,shift+enter",
            "newline",
            "New line",
            show=False,
            id="chat.newline",
            tooltip="Begin a new line",
        ),
    ]

    @dataclass
    class Sent(Message):
        """The person sends these words."""

        text: str

    def __init__(self, placeholder: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(
            "", soft_wrap=True, show_line_numbers=False, placeholder=placeholder, id=id, compact=True
        )

    def action_send(self) -> None:
        """Send what is written."""
        text = self.text.strip()
        if text:
            self.post_message(self.Sent(text))
            self.clear()

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    async def _on_key(self, event: events.Key) -> None:
        if event.key in {"ctrl+j", "shift+enter"}:
            event.prevent_default()
            event.stop()
            self.action_newline()
            return
        await super()._on_key(event)
