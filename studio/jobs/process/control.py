"""The control file: one word from whoever watches to the job that runs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal, get_args

from studio.jobs.events import Event, Paused, Resumed
from studio.jobs.process.files import write_atomically

Command = Literal["pause", "resume", "stop", "stop_and_save"]
COMMANDS: tuple[Command, ...] = get_args(Command)

_POLL_SECONDS = 0.1


def write_command(path: Path, command: Command) -> None:
    """Ask the job for `command`; the last one counts.

    Raises:
        ValueError: there is no such command.
        OSError: the file cannot be written.
    """
    if command not in COMMANDS:
        raise ValueError(f"{command!r} is none of {', '.join(COMMANDS)}")
    # It is for a process that runs now: after a power cut nobody would read it.
    write_atomically(path, f"{command}\n".encode(), durable=False)


class Control:
    """The job's side: what is wanted of it now. Cheap enough to ask at every step (one `stat`)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._command: Command | None = None
        self._signalled = False

    def requested(self) -> Command | None:
        """Return the last command, or None when there was none; a signal means `stop_and_save`."""
        if self._signalled:
            # Where the person has asked for a plain stop, a signal does not turn it into a slower one.
            return "stop" if self._read() == "stop" else "stop_and_save"
        return self._read()

    @property
    def stopping(self) -> bool:
        """True when the job has to come to its end."""
        return self.requested() in ("stop", "stop_and_save")

    async def hold(self, why: str = "") -> AsyncIterator[Event]:
        """Stay here while a pause is wanted, saying so; without a pause it yields nothing.

        Use it between two steps: `async for event in job.control.hold(): yield event`.
        """
        if self.requested() != "pause":
            return
        yield Paused(why=why or "as asked")
        while self.requested() == "pause":  # noqa: ASYNC110 - another process writes the file
            await asyncio.sleep(_POLL_SECONDS)
        if not self.stopping:
            yield Resumed()

    async def ask(self, why: str) -> AsyncIterator[Event]:
        """Pause by itself until a person says to go on or to stop; `why` is the question.

        What was asked before it has been seen: a stop stays a stop.
        """
        if self.stopping:
            return
        write_command(self._path, "pause")
        async for event in self.hold(why):
            yield event

    def listen(self) -> None:
        """Take SIGTERM and SIGINT as `stop_and_save`; outlive the terminal (SIGHUP)."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _on_signal(self, *_: object) -> None:
        self._signalled = True

    def _read(self) -> Command | None:
        try:
            stat = self._path.stat()
        except OSError:
            self._seen = self._command = None
            return None
        # Each command is a new file, so its inode tells it apart where the clock is too coarse.
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen != self._seen:
            try:
                word = self._path.read_text(encoding="utf-8", errors="replace").strip()
            except OSError:
                return self._command
            self._command = next((command for command in COMMANDS if command == word), None)
            self._seen = seen
        return self._command
