"""One of several, by keys or mouse: the small list that a screen opens for a choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from widgets.line_list import LineList
from widgets.safe import safe_line


@dataclass(frozen=True)
class Choice:
    """One thing to choose; `value` comes back."""

    value: str
    title: str
    detail: str = ""


class Picker(ModalScreen[str | None]):
    """Returns the value that was chosen, or None."""

    DEFAULT_CSS = """
    Picker { align: center middle; background: $background 60%; }
    Picker > Vertical {
        width: 60; max-width: 100%; height: auto; max-height: 80%; background: $surface; padding: 1 2;
    }
    Picker LineList { height: auto; max-height: 16; margin-top: 1; }
    """
    BINDING_GROUP_TITLE = "Choice"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", id="picker.close", tooltip="Choose nothing"),
    ]

    def __init__(self, title: str, choices: tuple[Choice, ...], current: str = "") -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._current = current

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content.styled(safe_line(self._title), "bold"))
            yield LineList("There is nothing to choose from.")

    def on_mount(self) -> None:
        rows = self.query_one(LineList)
        rows.show([choice.value for choice in self._choices])
        rows.supply(
            {
                choice.value: Content.assemble(
                    safe_line(choice.title, 60), (f"  {safe_line(choice.detail, 60)}", "$text-muted")
                )
                for choice in self._choices
            }
        )
        rows.styles.height = min(16, max(1, len(self._choices)))
        rows.select(self._current)
        self.set_focus(rows)

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        self.dismiss(event.row_id)
