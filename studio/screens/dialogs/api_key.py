"""The teacher's API key: typed masked, tried with one call, then put into the system's keyring and nowhere else."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from pydantic import SecretStr
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from widgets.fields import LineField
from widgets.safe import safe


class ApiKeyScreen(ModalScreen[bool]):
    """Returns True once a key is in the keyring."""

    DEFAULT_CSS = """
    ApiKeyScreen { align: center middle; background: $background 60%; }
    ApiKeyScreen > Vertical {
        width: 72; max-width: 100%; height: auto; background: $surface; padding: 1 2;
    }
    ApiKeyScreen Static { height: auto; }
    ApiKeyScreen LineField { margin: 1 0; }
    """
    BINDING_GROUP_TITLE = "API key"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(False)", "Close", id="key.close", tooltip="Keep things as they are"),
    ]

    def __init__(self, base_url: str | None = None) -> None:
        """`base_url` is the teacher's server where it is not Anthropic's."""
        super().__init__()
        self._base_url = base_url

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content.styled("Anthropic API key", "bold"))
            yield LineField(password=True, placeholder="paste it here, Enter tries it", id="key")
            yield Static("It goes into the system's keyring and is written nowhere else.", id="said")

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#key"))
        self.run_worker(self._tell_what_is_there(), exit_on_error=False)

    async def _tell_what_is_there(self) -> None:
        from studio.config.keys import find_key

        known = await asyncio.to_thread(find_key)
        if known is not None:
            where = "the environment" if known.source == "environment" else "the keyring"
            self._say(f"There is a key in {where}. Another one replaces the keyring's.")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        key = SecretStr(event.value.strip())
        event.input.clear()
        self._say("Trying it with one call …")
        self.run_worker(self._try(key), exclusive=True, group="key", exit_on_error=False)

    async def _try(self, key: SecretStr) -> None:
        from studio.config.keys import KeyringUnavailableError, store_key, test_key

        tried = await asyncio.to_thread(test_key, key, self._base_url)
        if not tried.ok:
            self._say(tried.message, "$error")
            return
        try:
            await asyncio.to_thread(store_key, key)
        except (KeyringUnavailableError, ValueError) as error:
            self._say(f"{tried.message} But it was not kept: {error}", "$error")
            return
        self.notify(safe(f"{tried.message} It is in the keyring."), title="API key", markup=False)
        self.dismiss(True)

    def _say(self, text: str, style: str = "$text-muted") -> None:
        self.query_one("#said", Static).update(Content.styled(safe(text), style))
