"""The field for what one wants to say: many lines, Enter sends, up and down go through what was said before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from widgets.fields import TextField
from widgets.safe import safe

LONG_PASTE = 4_000
"""Characters from which on a paste stands in the field as one line; it is sent whole."""


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
        Binding(
            "ctrl+up",
            "recall(-1)",
            "Earlier",
            show=False,
            id="chat.earlier",
            tooltip="What was said before; up does it, too, in the first line",
        ),
        Binding(
            "ctrl+down",
            "recall(1)",
            "Later",
            show=False,
            id="chat.later",
            tooltip="What was said after that; down does it, too, in the last line",
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
        self.past: list[str] = []
        """What was said before, the oldest first."""
        self._at: int | None = None
        """Where in the past one is; None while writing something new."""
        self._new = ""
        self._pasted: dict[str, str] = {}
        """Long pastes by the line that stands for them."""

    # --- What is written -----------------------------------------------------------------------------------

    @property
    def words(self) -> str:
        """All that is written, long pastes whole."""
        text = self.text
        for line, pasted in self._pasted.items():
            text = text.replace(line, pasted)
        return text

    def put(self, text: str) -> None:
        """Write this instead of what is there; the cursor goes to its end."""
        self._pasted.clear()
        clean = _clean(text)
        self.text = self._folded(clean) if len(clean) > LONG_PASTE else clean
        self.move_cursor(self.document.end)

    def remember(self, past: Sequence[str]) -> None:
        """Offer these words, the oldest first."""
        self.past = list(past)
        self._at = None

    def _folded(self, pasted: str) -> str:
        lines = pasted.count("\n") + 1
        number = len(self._pasted) + 1
        said = f"{lines:,} lines" if lines > 1 else "1 line"
        line = f"⟦paste {number}: {len(pasted):,} characters, {said}⟧"
        self._pasted[line] = pasted
        return line

    # --- Keys ----------------------------------------------------------------------------------------------

    def action_send(self) -> None:
        """Send what is written."""
        text = self.words.strip()
        if text:
            if self.past[-1:] != [text]:
                self.past.append(text)
            self._at, self._new = None, ""
            self._pasted.clear()
            self.clear()
            self.post_message(self.Sent(text))

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    def action_recall(self, step: int) -> None:
        """Go through what was said before; beyond its end is what was being written."""
        if not self.past:
            return
        if self._at is None:
            if step > 0:
                return
            self._new = self.words
            self._at = len(self.past)
        self._at = max(0, self._at + step)
        if self._at >= len(self.past):
            self._at = None
            self.put(self._new)
        else:
            self.put(self.past[self._at])

    def action_cursor_up(self, select: bool = False) -> None:
        """Go up a line; from the first one to what was said before."""
        if not select and self.cursor_at_first_line and self.past:
            self.action_recall(-1)
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """Go down a line; from the last one to what was said after."""
        if not select and self.cursor_at_last_line and self._at is not None:
            self.action_recall(1)
        else:
            super().action_cursor_down(select)

    async def _on_paste(self, event: events.Paste) -> None:
        # Textual calls the same handler of all base classes, unless told not to.
        event.prevent_default()
        event.stop()
        clean = _clean(event.text)
        put = self.replace(self._folded(clean) if len(clean) > LONG_PASTE else clean, *self.selection)
        self.move_cursor(put.end_location)

    async def _on_key(self, event: events.Key) -> None:
        if event.key in {"ctrl+j", "shift+enter"}:
            event.prevent_default()
            event.stop()
            self.action_newline()


def _clean(text: str) -> str:
    """Return the text without what a terminal would obey: the field draws what is in it as it is. Tabs stay."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    if plain.isascii() and plain.replace("\n", "").replace("\t", "").isprintable():
        return plain
    whole = len(plain) + 1
    return "\t".join(safe(part, line_limit=whole, text_limit=whole) for part in plain.split("\t"))
