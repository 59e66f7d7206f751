"""The last line of every screen: the keys that work now, each with what it does."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget

_GAP = 1
"""Cells between two keys."""
_MORE = "…"


@dataclass(frozen=True)
class KeyHint:
    """One key of the line."""

    key: str
    """As Textual names it."""
    shown: str
    does: str
    tip: str = ""
    enabled: bool = True

    @property
    def width(self) -> int:
        """In cells."""
        return Content(f"{self.shown} {self.does}").cell_length

    @property
    def content(self) -> Content:
        """The key in the accent's colour, then what it does; all dim where it does not work now."""
        dim = "" if self.enabled else " dim"
        return Content.assemble(
            (self.shown, f"bold $footer-key-foreground{dim}"),
            (f" {self.does}", f"$footer-description-foreground{dim}"),
        )


class KeyLine(Widget):
    """The bindings of the screen and of what has the focus, in one widget; a click presses the key.

    Textual's Footer makes a widget of each key, and new ones at each change of the focus: a third of the styles and
    layouts of a screen's first frame were the footer's.
    """

    DEFAULT_CSS = """
    KeyLine { dock: bottom; height: 1; padding: 0 1; background: transparent; }
    """
    ALLOW_SELECT = False

    keys: reactive[tuple[KeyHint, ...]] = reactive(())
    last: reactive[KeyHint | None] = reactive(None)
    """The key that stands at the right edge: the one that opens the list of all actions."""

    def __init__(self, *, kept: str = "") -> None:
        """Take the key whose hint stays where others have no room."""
        super().__init__()
        self._kept = kept

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        # What a key does may wait for the frame that shows what the last one did.
        self.call_after_refresh(self._look)

    def _look(self) -> None:
        if not self.is_attached:
            return
        app, hints, seen = self.app, [], set()
        for key, (_, binding, enabled, tooltip) in self.screen.active_bindings.items():
            hint = KeyHint(
                binding.key,
                app.get_key_display(binding),
                binding.description,
                tooltip or binding.description,
                enabled,
            )
            if key == app.COMMAND_PALETTE_BINDING:
                self.last = hint
            elif binding.show and binding.action not in seen:
                seen.add(binding.action)
                hints.append(hint)
        self.keys = tuple(hints)

    def spans(self) -> list[tuple[int, int, KeyHint]]:
        """Return the first cell, the cell after the last, and the hint of each key that has room, in the content."""
        room = self.content_size.width
        end = room - (self.last.width + _GAP + 1 if self.last else 0)
        x, found = 0, []
        for hint in self._fitting(end):
            found.append((x, x + hint.width, hint))
            x += hint.width + _GAP
        if self.last is not None:
            found.append((room - self.last.width, room, self.last))
        return found

    def _fitting(self, room: int) -> list[KeyHint]:
        """Return the hints that have room; where some have not, room for the sign of it is left, too."""
        if sum(hint.width + _GAP for hint in self.keys) - _GAP <= room:
            return list(self.keys)
        kept = [hint for hint in self.keys if hint.key == self._kept]
        room -= sum(hint.width + _GAP for hint in kept) + len(_MORE)
        shown: list[KeyHint] = []
        for hint in self.keys:
            if hint in kept:
                continue
            room -= hint.width + _GAP
            if room < 0:
                break
            shown.append(hint)
        return shown + kept

    def render(self) -> Content:
        pieces, x, spans = [], 0, self.spans()
        left = len(self.keys) - sum(1 for *_, hint in spans if hint is not self.last)
        for first, end, hint in spans:
            if hint is self.last and left:
                pieces.append(Content.styled(" " * _GAP + _MORE, "$footer-description-foreground"))
                x += _GAP + len(_MORE)
            pieces += [Content(" " * (first - x)), hint.content]
            x = end
        return Content("").join(pieces)

    def on_click(self, event: events.Click) -> None:
        hint = self._at(event.x)
        if hint is None:
            return
        if hint.enabled:
            self.app.simulate_key(hint.key)
        else:
            self.app.bell()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        hint = self._at(event.x)
        self.tooltip = hint.tip if hint else None

    def _at(self, x: int) -> KeyHint | None:
        x -= self.styles.padding.left
        return next((hint for first, end, hint in self.spans() if first <= x < end), None)
