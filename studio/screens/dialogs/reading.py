"""One conversation, or several side by side, in full over the screen that it was opened from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from widgets.conversation import Conversation, Turn
from widgets.safe import safe_line


@dataclass(frozen=True)
class Page:
    """One conversation with its title."""

    title: str
    turns: tuple[Turn, ...]
    facts: tuple[str, ...] = ()


class ReadingScreen(ModalScreen[None]):
    """Shows pages one below the other; `space` pages."""

    DEFAULT_CSS = """
    ReadingScreen { align: center middle; background: $background 60%; }
    ReadingScreen > VerticalScroll {
        width: 90%; max-width: 110; height: auto; max-height: 90%;
        background: $surface; padding: 1 2; scrollbar-size-vertical: 1;
    }
    ReadingScreen .title { height: auto; margin-bottom: 1; }
    ReadingScreen Conversation { margin-bottom: 1; }
    """
    BINDING_GROUP_TITLE = "Reading"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "Close", id="reading.close", tooltip="Back to the screen"),
        Binding("space", "page", "Page", id="reading.page", tooltip="Page down"),
    ]

    def __init__(self, pages: tuple[Page, ...], persona: str = "assistant") -> None:
        super().__init__()
        self._pages = pages
        self._persona = persona

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            for page in self._pages:
                yield Static(Content.styled(safe_line(page.title, 200), "bold $accent"), classes="title")
                conversation = Conversation()
                conversation.turns, conversation.facts = page.turns, page.facts
                conversation.persona = safe_line(self._persona, 40)
                yield conversation

    def action_page(self) -> None:
        """Page down."""
        self.query_one(VerticalScroll).scroll_page_down(animate=False)
