"""The terminal as the studio reads it: as Textual does, but a lone Esc is handed on at once."""

from __future__ import annotations

import os
import selectors
from codecs import getincrementaldecoder

from textual import constants
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

_ESC = "\x1b"
_IDLE_SECONDS = 0.1
"""How long a reading waits at most, so that it is noticed when the studio ends."""


class QuickEscape(LinuxDriver):
    """Waits for what may follow an Esc no longer than the parser does (ESCDELAY).

    Textual's own reader looks only every 100 ms whether that time is over, so that Esc, which cancels a reply, took
    100 ms before anybody heard of it.
    """

    def run_input_thread(self) -> None:
        """Read until the driver is told to end, and hand on what was pressed."""
        parser = XTermParser(self._debug)
        decoder = getincrementaldecoder("utf-8")()
        wait = _IDLE_SECONDS
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                text = ""
                if selector.select(wait):
                    text = decoder.decode(os.read(self.fileno, 4_096))
                    for message in parser.feed(text) if text else ():
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)
                wait = constants.ESCAPE_DELAY if text.endswith(_ESC) else _IDLE_SECONDS


def with_quick_escape(driver: type[Driver]) -> type[Driver]:
    """Return the driver that hears of Esc at once where it is Textual's own; any other stays."""
    return QuickEscape if driver is LinuxDriver else driver
