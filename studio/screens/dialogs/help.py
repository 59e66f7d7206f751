"""`?`: the keys that work now, written by the bindings themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static


@dataclass(frozen=True)
class KeyHelp:
    """One action with all keys that call it."""

    group: str
    keys: tuple[str, ...]
    title: str
    explanation: str


def keys_of(screen: Screen[Any], app: App[Any]) -> tuple[KeyHelp, ...]:
    """Return what the studio's own keys do now: the screen's first, then the focused widget's, then everywhere's."""
    found: dict[tuple[str, str], KeyHelp] = {}
    for node, binding, _, tooltip in screen.active_bindings.values():
        if not binding.description or binding.id is None:
            continue
        group = node.BINDING_GROUP_TITLE or type(node).__name__
        shown = app.get_key_display(binding)
        known = found.get((group, binding.action))
        keys = (shown,) if known is None else tuple(dict.fromkeys((*known.keys, shown)))
        found[group, binding.action] = KeyHelp(group, keys, binding.description, tooltip)
    order = {screen.BINDING_GROUP_TITLE: 0, app.BINDING_GROUP_TITLE: 2}
    return tuple(sorted(found.values(), key=lambda key: order.get(key.group, 1)))


class HelpScreen(ModalScreen[None]):
    """A table of keys over the screen that it explains."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 90%;
        background: $surface; padding: 1 2; scrollbar-size-vertical: 1;
    }
    HelpScreen Static { height: auto; }
    """
    BINDING_GROUP_TITLE = "Help"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss", "Close", id="help.close", tooltip="Back to the screen"),
    ]

    def __init__(self, keys: tuple[KeyHelp, ...]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(self._table())

    def _table(self) -> Content:
        width = max((len(" ".join(key.keys)) for key in self._keys), default=0)
        lines: list[Content] = []
        group = ""
        for key in self._keys:
            if key.group != group:
                group = key.group
                lines.extend(([Content("")] if lines else []) + [Content.styled(group, "bold $accent")])
            names = " ".join(key.keys).rjust(width)
            why = "" if key.explanation in ("", key.title) else f"  {key.explanation}"
            lines.append(Content.assemble((names, "bold"), "  ", key.title, (why, "$text-muted")))
        lines += [
            Content(""),
            Content.styled(
                "tab goes on to the next part of a screen. ctrl+p has every action; settings.toml, [keys] remaps.",
                "$text-muted",
            ),
        ]
        return Content("\n").join(lines)
