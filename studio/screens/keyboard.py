"""Keys in the order they were pressed, each for whom the one before it has left the focus."""

from __future__ import annotations

from collections import deque
from functools import partial

from textual import events
from textual.app import App
from textual.message import Message
from textual.timer import Timer

LOST_SECONDS = 0.5
"""After which a key counts as done whose widget went away with it."""


class OrderedKeys(App[None]):
    """An app that gives out a key when the one before it is done.

    Textual hands a key to the widget that has the focus when it is read. Of "/a", typed while the machine is busy,
    the "a" would be the list's, and accept an example, although "/" opens a text field.
    """

    class KeyDone(Message):
        """Goes the way of a key right behind it, from the widget up: when it is here, the key was here before."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: deque[events.Key] = deque()
        self._done: OrderedKeys.KeyDone | None = None
        """What comes back when the key is done that was given out last."""
        self._lost: Timer | None = None

    async def on_event(self, event: events.Event) -> None:
        """Queue keys; all else is Textual's."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            self._keys.append(event)
            await self._give_out()
        else:
            await super().on_event(event)

    async def _give_out(self) -> None:
        while self._keys and self._done is None:
            key = self._keys.popleft()
            target = self.focused or self.screen
            await super().on_event(key)
            if key.is_forwarded:
                done = OrderedKeys.KeyDone()
                if target.post_message(done):
                    self._done = done
                    self._lost = self.set_timer(LOST_SECONDS, partial(self.post_message, done))

    async def on_ordered_keys_key_done(self, event: KeyDone) -> None:
        """Go on with the next key."""
        if event is self._done:
            self._done = None
            if self._lost is not None:
                self._lost.stop()
            await self._give_out()
