"""Keys that go where the focus is when their turn comes, however fast they were pressed."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from textual import events
from textual.app import App
from textual.dom import DOMNode


class OrderedKeys(App[None]):
    """An app that sends a key on to the new focus where an earlier key has moved it meanwhile.

    Textual hands a key to the widget that has the focus when it is read. Of "/a", typed while the machine is busy,
    the "a" would be the list's, and accept an example, although "/" opens a text field.
    """

    def __init__(self) -> None:
        super().__init__()
        self._aims: WeakKeyDictionary[events.Key, DOMNode] = WeakKeyDictionary()

    async def on_event(self, event: events.Event) -> None:
        """Remember for whom a key was when it was read."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            self._aims[event] = self.focused or self.screen
        await super().on_event(event)

    async def _on_key(self, event: events.Key) -> None:
        # Here come the keys that no widget took; Textual's own handler of this name is called after this one.
        aim = self._aims.pop(event, None)
        if aim is not None and aim is not (self.focused or self.screen):
            event.prevent_default()
            self.post_message(events.Key(event.key, event.character))
