"""Text fields that keep every key one can type to themselves, so that no letter of a text is taken for a command."""

from __future__ import annotations

from textual import events
from textual.widgets import Input, TextArea

_UNNAMED = frozenset({"at", "backslash", "minus", "plus", "slash", "underscore"})
"""Keys whose character Textual 8.2 does not know when it asks a field whether it wants them."""
_JOINERS = frozenset({"\u200c", "\u200d"})
"""What holds an emoji of several together: no letters, so that Textual does not write them when they are typed."""


class LineField(Input):
    """A field of one line."""

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Say whether the field wants the key."""
        return key in _UNNAMED or super().check_consume_key(key, character)


class TextField(TextArea):
    """A field of many lines."""

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Say whether the field wants the key."""
        return key in _UNNAMED or character in _JOINERS or super().check_consume_key(key, character)

    async def _on_key(self, event: events.Key) -> None:
        if event.character in _JOINERS and not self.read_only:
            event.prevent_default()
            event.stop()
            self.insert(event.character)
