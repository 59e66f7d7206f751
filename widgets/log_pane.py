"""The newest lines of a job's log, each made safe."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text
from textual.widgets import RichLog

from widgets.safe import safe_line

_STYLES = {"info": "", "warning": "yellow", "error": "red"}
_SIGNS = {"info": " ", "warning": "!", "error": "✗"}


class LogPane(RichLog):
    """Follows its end until the reader scrolls up."""

    DEFAULT_CSS = """
    LogPane {
        height: 1fr; background: transparent; color: $text-muted;
        overflow-x: hidden; scrollbar-size-vertical: 1;
    }
    LogPane:focus { background: $surface; }
    """
    BINDING_GROUP_TITLE = "Log"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id, max_lines=1_000, markup=False, highlight=False, wrap=False, auto_scroll=True)

    def say(self, at: datetime, text: str, level: str = "info") -> None:
        """Add a line with its local time."""
        clock = at.astimezone().strftime("%H:%M:%S")
        line = f"{clock} {_SIGNS.get(level, ' ')} {safe_line(text, 1_000)}"
        self.write(Text(line, style=_STYLES.get(level, ""), no_wrap=True, overflow="ellipsis"))
