"""A machine that sleeps does not train: kept awake on macOS, and noticed where it slept all the same."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

_NOTICED_SECONDS = 30.0
"""Clocks are set by less than this all the time."""


@contextlib.contextmanager
def kept_awake() -> Iterator[None]:
    """Keep a Mac from sleeping while the block runs (the display may sleep); elsewhere without effect.

    `caffeinate -w` ends with this process, whatever ends it.
    """
    command = shutil.which("caffeinate") if sys.platform == "darwin" else None
    if command is None:
        yield
        return
    waker = subprocess.Popen(
        [command, "-i", "-m", "-w", str(os.getpid())], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        waker.terminate()
        waker.wait()


class SleepWatch:
    """Tells how long the machine slept: `time.monotonic` stands still then, on Linux and on macOS."""

    def __init__(
        self, wall: Callable[[], float] = time.time, awake: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall, self._awake = wall, awake
        self._offset = wall() - awake()

    def slept(self) -> float | None:
        """Return the seconds since the last call that the machine was not awake; None where it was all along."""
        offset = self._wall() - self._awake()
        gone, self._offset = offset - self._offset, offset
        return gone if gone > _NOTICED_SECONDS else None
