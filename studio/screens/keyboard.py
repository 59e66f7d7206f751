"""Keys in the order they were pressed, each for whom the one before it has left the focus."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from functools import partial

from textual import events
from textual.app import App
from textual.driver import Driver
from textual.message import Message
from textual.message_pump import MessagePump
from textual.timer import Timer

LOOK_SECONDS = 0.02
"""How often it is looked whether a key can still come back from the widget that had it."""
LOST_LOOKS = 25
"""After so many looks a key counts as done all the same."""


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
        self._waits: deque[MessagePump] = deque()
        """Who else the marker has to pass."""
        self._screen_then: MessagePump | None = None
        """The screen that has passed it, or had the key."""
        self._lost: Timer | None = None

    def get_driver_class(self) -> type[Driver]:
        """Return what reads the terminal."""
        from studio.terminal import with_quick_escape

        return with_quick_escape(super().get_driver_class())

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
            self._screen_then = self.screen
            await super().on_event(key)
            if key.is_forwarded:
                # What the widget says because of the key is behind the first marker, and before the second.
                self._waits = deque((target, target))
                self._send_marker()

    def _send_marker(self) -> None:
        """Wait for the next who has to be passed, if anybody is left."""
        self._done = None
        while self._waits or self.screen is not self._screen_then:
            # A new screen takes messages once it is composed; an old one, after what a dialog's answer leads to.
            if not self._waits:
                self._screen_then = self.screen
                self._waits.append(self.screen)
            target, marker = self._waits.popleft(), OrderedKeys.KeyDone()
            if target.post_message(marker):
                self._done = marker
                self._lost = self.set_interval(
                    LOOK_SECONDS, partial(self._look, target, marker, itertools.count(1))
                )
                return

    def _look(self, target: MessagePump, marker: KeyDone, looks: Iterator[int]) -> None:
        if marker is self._done and (next(looks) >= LOST_LOOKS or not target.is_running):
            self.post_message(marker)

    async def on_ordered_keys_key_done(self, event: KeyDone) -> None:
        """Go on with the next key, once all have been passed."""
        if event is self._done:
            if self._lost is not None:
                self._lost.stop()
            self._send_marker()
            await self._give_out()
