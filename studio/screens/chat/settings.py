"""System prompt and parameters of one conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from widgets.fields import LineField, TextField
from widgets.safe import safe, safe_line

if TYPE_CHECKING:
    from store.models import ChatSettings
    from studio.config.persona import Persona

_NUMBERS: tuple[tuple[str, str, type, float, float], ...] = (
    ("temperature", "temperature", float, 0, 2),
    ("top_p", "top p", float, 0.01, 1),
    ("top_k", "top k", int, 0, 1_000),
    ("repeat_penalty", "repeat penalty", float, 0.01, 3),
    ("max_tokens", "longest reply, tokens", int, 1, 100_000),
    ("context_size", "context, tokens", int, 256, 1_000_000),
)
"""Field, label, kind, least and most."""


class SettingsScreen(ModalScreen[object]):
    """Returns the new settings, or None where the person left."""

    DEFAULT_CSS = """
    SettingsScreen { align: center middle; background: $background 60%; }
    SettingsScreen > Vertical {
        width: 94%; max-width: 100; height: auto; max-height: 95%; background: $surface; padding: 1 2;
    }
    SettingsScreen TextField { height: 5; border: none; padding: 0 1; background: $boost; margin-bottom: 1; }
    SettingsScreen TextField:focus { border: none; }
    SettingsScreen Horizontal { height: 1; }
    SettingsScreen .label { width: 24; color: $text-muted; }
    SettingsScreen LineField { height: 1; width: 14; border: none; padding: 0 1; background: $boost; }
    SettingsScreen LineField:focus { border: none; }
    SettingsScreen .hint { height: auto; color: $text-muted; }
    SettingsScreen .wrong { height: auto; color: $error; }
    """
    BINDING_GROUP_TITLE = "Parameters"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "keep", "Keep", priority=True, id="settings.keep", tooltip="Take the new values"),
        Binding("escape", "dismiss", "Leave", id="settings.leave", tooltip="Change nothing"),
    ]

    def __init__(self, settings: ChatSettings, persona: Persona | None) -> None:
        super().__init__()
        self._settings = settings
        self._prompt = persona.system_prompt if persona is not None else ""
        sampling = persona.sampling.model_dump() if persona is not None else {}
        self._usual = {name: f"{value:g}" for name, value in sampling.items()}
        """What counts where a field is empty."""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content.styled("System prompt and parameters of this conversation", "bold"))
            yield Static("Empty is the persona's own, or what the deployed model carries.", classes="hint")
            yield TextField(
                safe(self._settings.system or ""),
                soft_wrap=True,
                show_line_numbers=False,
                placeholder=safe_line(self._prompt, 300),
            )
            for name, label, *_ in _NUMBERS:
                value = getattr(self._settings, name)
                with Horizontal():
                    yield Static(label, classes="label")
                    shown = "" if value is None else f"{value:g}"
                    yield LineField(shown, placeholder=self._usual.get(name, ""), id=name)
            yield Static(classes="wrong", markup=False)
            yield Static("ctrl+s Keep · tab next · esc Leave", classes="hint")

    def on_mount(self) -> None:
        self.set_focus(self.query_one(TextField))

    def on_input_submitted(self) -> None:
        self.action_keep()

    def action_keep(self) -> None:
        """Take the new values."""
        values: dict[str, Any] = {"system": self.query_one(TextField).text.strip() or None}
        for name, label, kind, least, most in _NUMBERS:
            given = self.query_one(f"#{name}", LineField).value.strip().replace(",", ".")
            try:
                number = kind(given) if given else None
            except ValueError:
                number = least - 1
            if number is not None and not least <= number <= most:
                wrong = f"{label}: found {safe_line(given, 20)}, expected {least:g} to {most:g}"
                self.query_one(".wrong", Static).update(wrong)
                self.set_focus(self.query_one(f"#{name}"))
                return
            values[name] = number
        self.dismiss(self._settings.model_copy(update=values))
