"""Two versions of a conversation over the screen: as one text, or side by side, with what differs marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from widgets.safe import safe_line
from widgets.word_diff import WordDiff

if TYPE_CHECKING:
    from store.models import Message


@dataclass(frozen=True)
class Versions:
    """What is compared."""

    title: str
    old: tuple[Message, ...]
    new: tuple[Message, ...]
    old_title: str = ""
    new_title: str = ""
    """Where both are there the two stand side by side; otherwise they are one text."""
    accept: str = ""
    """What `a` does; empty where there is nothing to accept."""


class ComparingScreen(ModalScreen[bool]):
    """Returns True where `a` was pressed, and that is something here."""

    DEFAULT_CSS = """
    ComparingScreen { align: center middle; background: $background 60%; }
    ComparingScreen > VerticalScroll {
        width: 94%; max-width: 150; height: auto; max-height: 92%;
        background: $surface; padding: 1 2; scrollbar-size-vertical: 1;
    }
    ComparingScreen .title { height: auto; margin-bottom: 1; }
    ComparingScreen .sides { height: auto; layout: vertical; }
    ComparingScreen .sides > Container { height: auto; width: 1fr; }
    ComparingScreen.-wide .sides { layout: horizontal; }
    ComparingScreen.-wide .sides > .first { margin-right: 2; }
    ComparingScreen .keys { height: auto; color: $text-muted; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012
    BINDING_GROUP_TITLE = "Comparing"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "accept", "Accept", id="comparing.accept", tooltip="Take the new version"),
        Binding("escape,enter,q", "refuse", "Close", id="comparing.close", tooltip="Leave it as it is"),
        Binding("space", "page", "Page", id="comparing.page", tooltip="Page down"),
    ]

    def __init__(self, versions: Versions, persona: str = "assistant") -> None:
        super().__init__()
        self._versions = versions
        self._persona = safe_line(persona, 40)

    def compose(self) -> ComposeResult:
        versions = self._versions
        with VerticalScroll():
            yield Static(Content.styled(safe_line(versions.title, 200), "bold $accent"), classes="title")
            with Container(classes="sides"):
                if versions.old_title and versions.new_title:
                    with Container(classes="first"):
                        yield Static(Content.styled(safe_line(versions.old_title, 120), "$text-muted"))
                        yield self._diff("old")
                    with Container():
                        yield Static(Content.styled(safe_line(versions.new_title, 120), "$text-muted"))
                        yield self._diff("new")
                else:
                    yield self._diff("both")
            keys = f"a {versions.accept} · esc leaves it as it is" if versions.accept else "esc Close"
            yield Static(keys, classes="keys", markup=False)

    def _diff(self, side: str) -> WordDiff:
        diff = WordDiff()
        diff.old, diff.new, diff.persona = self._versions.old, self._versions.new, self._persona
        diff.side = side  # type: ignore[assignment]
        return diff

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer `a` only where there is something to accept."""
        return action != "accept" or bool(self._versions.accept)

    def action_accept(self) -> None:
        """Take the new version."""
        self.dismiss(True)

    def action_refuse(self) -> None:
        """Leave it as it is."""
        self.dismiss(False)

    def action_page(self) -> None:
        """Page down."""
        self.query_one(VerticalScroll).scroll_page_down(animate=False)
