"""A notice under the tabs that stays until its cause is gone: read-only, a broken settings file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from widgets.safe import safe_line


@dataclass(frozen=True)
class Notice:
    """One notice in a sentence or two."""

    text: str
    level: Literal["info", "warning", "error"] = "warning"


_SIGNS = {"info": ("·", "$text-muted"), "warning": ("!", "$warning"), "error": ("✗", "$error")}


class Banner(Widget):
    """Notices, one paragraph each; takes no room while there are none."""

    DEFAULT_CSS = """
    Banner { height: auto; max-height: 6; padding: 0 1; display: none; background: $surface; }
    Banner.-shown { display: block; }
    """

    notices: reactive[tuple[Notice, ...]] = reactive((), layout=True)

    def watch_notices(self, notices: tuple[Notice, ...]) -> None:
        self.set_class(bool(notices), "-shown")

    def render(self) -> Content:
        lines = []
        for notice in self.notices:
            sign, colour = _SIGNS[notice.level]
            lines.append(Content.assemble((f"{sign} ", colour), safe_line(notice.text, 600)))
        return Content("\n").join(lines)
