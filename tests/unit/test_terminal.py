"""The terminal's reader: keys as they come, and a lone Esc without Textual's wait."""

from __future__ import annotations

import os
import threading
import time
from queue import Queue

import pytest
from textual import constants, events
from textual.drivers.headless_driver import HeadlessDriver
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from studio.terminal import QuickEscape, with_quick_escape


class Reader(QuickEscape):
    """Reads a pipe, and keeps what came with the time at which it did."""

    def __init__(self, fileno: int) -> None:
        self.fileno, self._debug = fileno, False
        self.exit_event = threading.Event()
        self.came: Queue[tuple[float, Message]] = Queue()

    def process_message(self, message: Message) -> None:
        self.came.put((time.monotonic(), message))


def key(reader: Reader) -> tuple[float, str]:
    moment, message = reader.came.get(timeout=20)
    assert isinstance(message, events.Key)
    return moment, message.key


def test_a_lone_esc_is_a_key_and_one_with_more_behind_it_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    reader = Reader(read)
    thread = threading.Thread(target=reader.run_input_thread)
    thread.start()
    try:
        # Far longer than a machine ever pauses: what comes within it belongs to the Esc.
        monkeypatch.setattr(constants, "ESCAPE_DELAY", 30.0)
        os.write(write, b"\x1b")
        os.write(write, b"[A")
        assert key(reader)[1] == "up"
        os.write(write, "ığ".encode())
        assert [key(reader)[1] for _ in range(2)] == ["ı", "ğ"]

        monkeypatch.setattr(constants, "ESCAPE_DELAY", 0.001)
        os.write(write, b"\x1b")
        assert key(reader)[1] == "escape"
        # A letter cut in the middle waits for its rest.
        os.write(write, "ş".encode()[:1])
        os.write(write, "ş".encode()[1:])
        assert key(reader)[1] == "ş"
    finally:
        reader.exit_event.set()
        thread.join(20)
        os.close(read)
        os.close(write)
    assert not thread.is_alive()


def test_only_textuals_own_driver_is_replaced() -> None:
    assert with_quick_escape(LinuxDriver) is QuickEscape
    assert with_quick_escape(HeadlessDriver) is HeadlessDriver
