"""Reading `events.jsonl` while another process writes it: the end of the file is soft."""

from __future__ import annotations

import os
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from pydantic import ValidationError

from studio.jobs.events import RECORDED, Recorded
from studio.jobs.process.eventlog import number_of

_LONGEST_LINE = 64 << 20
_BLOCK = 1 << 16


@dataclass(frozen=True)
class BadLine:
    """A line that is no event; it is skipped, and what follows it is read."""

    line: int
    """Counted from 1."""
    reason: str

    def __str__(self) -> str:
        """Say it in one line, for a log."""
        return f"line {self.line} was skipped: {self.reason}"


class EventTail:
    """A place in a job's events, from where `read` goes on. It never waits."""

    def __init__(self, path: Path, after: int = 0) -> None:
        """Stand before the first event whose number is above `after`."""
        self._path = path
        self._after = after
        self._offset = 0
        self._line = 0
        self._settled: tuple[int, int] | None = None
        self.n = after
        """Number of the last event that was read, or `after`."""

    @property
    def path(self) -> Path:
        """The file that is read."""
        return self._path

    def pending(self) -> bool:
        """Say at the cost of one `stat` whether there may be more than what was read."""
        try:
            return _stamp(self._path.stat()) != self._settled
        except OSError:
            return False

    def read(self, limit: int = 256, max_bytes: int = 2 << 20) -> list[Recorded | BadLine]:
        """Return the next events, at most `limit` and about `max_bytes` of them; empty at the end.

        A last line without its newline is still being written and is left for the next read.
        """
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return []
        with file:
            stat = os.fstat(file.fileno())
            if stat.st_size < self._offset:
                # Another file than before: read all of it, and skip what was read by its number.
                self._offset, self._line, self._after = 0, 0, self.n
            file.seek(self._offset)
            self._settled = None
            found: list[Recorded | BadLine] = []
            stop_at = self._offset + max_bytes
            while len(found) < limit and (not found or self._offset < stop_at):
                line = file.readline(_LONGEST_LINE)
                if not line.endswith(b"\n"):
                    if len(line) < _LONGEST_LINE or not _skip_line(file):
                        self._settled = _stamp(stat)
                        break
                    line = b""
                self._line += 1
                self._offset = file.tell()
                item = self._parse(line)
                if item is not None:
                    found.append(item)
            return found

    def skip_read(self) -> None:
        """Go straight to the end when the last event there was read already; a whole scan is saved."""
        try:
            with self._path.open("rb") as file:
                stat = os.fstat(file.fileno())
                start = max(0, stat.st_size - _BLOCK)
                file.seek(start)
                end = file.read(_BLOCK)
        except OSError:
            return
        lines = end.split(b"\n")
        if len(lines) >= 3 and not lines[-1] and number_of(lines[-2]) == self.n > 0:
            self._offset, self._line, self._settled = start + len(end), self.n, _stamp(stat)

    def _parse(self, line: bytes) -> Recorded | BadLine | None:
        n = number_of(line)
        if n is not None and n <= self._after:
            return None
        if not line:
            return BadLine(self._line, f"it is longer than {_LONGEST_LINE >> 20} MB")
        try:
            recorded = RECORDED.validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            return BadLine(self._line, f"{where + ': ' if where else ''}{first['msg']}"[:300])
        if recorded.n <= self._after:
            return None
        if recorded.n <= self.n:
            return BadLine(self._line, f"number {recorded.n} was there before")
        self.n = recorded.n
        return recorded


def _stamp(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_size, stat.st_mtime_ns


def _skip_line(file: BufferedReader) -> bool:
    """Read on to the end of an endless line; False when it has none yet."""
    while piece := file.readline(_LONGEST_LINE):
        if piece.endswith(b"\n"):
            return True
    return False
