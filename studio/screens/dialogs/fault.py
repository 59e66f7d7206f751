"""`!`: the last failure whole."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from studio.faults import Fault
from widgets.safe import safe


class FaultScreen(ModalScreen[None]):
    """What happened, what was kept, what to do, and the log."""

    DEFAULT_CSS = """
    FaultScreen { align: center middle; background: $background 60%; }
    FaultScreen > VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 90%;
        background: $surface; padding: 1 2; scrollbar-size-vertical: 1;
    }
    FaultScreen Static { height: auto; }
    """
    BINDING_GROUP_TITLE = "Error"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,enter,exclamation_mark,q",
            "dismiss",
            "Close",
            id="fault.close",
            tooltip="Back to the screen",
        ),
    ]

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self._fault = fault

    def compose(self) -> ComposeResult:
        fault = self._fault
        parts = [("What happened", fault.what), ("What was kept", fault.kept), ("What to do", fault.to_do)]
        if fault.log_path is not None:
            parts.append(("Log", str(fault.log_path)))
        lines = [
            Content.assemble((f"{title}\n", "bold $text-muted"), safe(text), "\n") for title, text in parts
        ]
        with VerticalScroll():
            yield Static(Content("\n").join(lines))
