"""The first line of every screen: the name, the workspace and the seven tabs."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from widgets.safe import safe_line


@dataclass(frozen=True)
class Tab:
    """One tab."""

    mode: str
    title: str


class ModeBar(Widget):
    """Tabs that can be clicked; the current one is marked. `Chosen` says which was."""

    DEFAULT_CSS = """
    ModeBar { height: 1; padding: 0 1; background: transparent; }
    """
    ALLOW_SELECT = False

    current: reactive[str] = reactive("")
    place: reactive[str] = reactive("")
    """The workspace as the person would write it; shown where there is room."""

    @dataclass
    class Chosen(Message):
        """A tab was clicked."""

        mode: str

    def __init__(self, tabs: tuple[Tab, ...], *, current: str, place: str) -> None:
        super().__init__()
        self._tabs = tabs
        self.set_reactive(ModeBar.current, current)
        self.set_reactive(ModeBar.place, safe_line(place))

    def _gap(self) -> int:
        return 2 if self._tabs_width(2) + 8 <= self.size.width - 2 else 1

    def _tabs_width(self, gap: int) -> int:
        return sum(len(tab.title) + 2 for tab in self._tabs) + gap * (len(self._tabs) - 1)

    def spans(self) -> list[tuple[int, int, str]]:
        """Return the first cell, the cell after the last, and the mode of each tab, within the content."""
        gap = self._gap()
        x = max(0, self.content_size.width - self._tabs_width(gap))
        found = []
        for tab in self._tabs:
            end = x + len(tab.title) + 2
            found.append((x, end, tab.mode))
            x = end + gap
        return found

    def render(self) -> Content:
        spans = self.spans()
        room = spans[0][0] if spans else self.content_size.width
        name = Content.styled("JESSY", "bold $accent")
        place = self.place
        if room >= 7 + 8 + 2 and place:
            space = room - 7 - 2
            shown = place if len(place) <= space else "…" + place[-(space - 1) :]
            name = name.append(Content.styled(f"  {shown}", "$text-muted"))
        line = name.truncate(room, ellipsis=True).pad_right(max(0, room - name.cell_length))
        pieces: list[Content] = [line]
        gap = " " * self._gap()
        for number, tab in enumerate(self._tabs, 1):
            here = tab.mode == self.current
            if number > 1:
                pieces.append(Content(gap))
            pieces.append(Content.styled(f"{number} ", "bold $accent" if here else "$text-muted"))
            pieces.append(Content.styled(tab.title, "bold underline $foreground" if here else "$text-muted"))
        return Content("").join(pieces)

    def on_click(self, event: events.Click) -> None:
        x = event.x - self.styles.padding.left
        for first, end, mode in self.spans():
            if first <= x < end:
                self.post_message(self.Chosen(mode))
                return
