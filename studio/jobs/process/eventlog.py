"""Writing `events.jsonl`: append-only, numbered from 1 without gaps, on the disk before it counts."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_json

from studio.jobs.events import RECORDED, Event, Recorded
from studio.jobs.process.files import open_private, sync, sync_folder

_BLOCK = 1 << 16
_NUMBER = re.compile(rb'\{"n":(\d+),')


class UnwritableEventError(Exception):
    """An event that could not be read back from JSON, such as one nested 200 levels deep."""


class EventLog:
    """The one writer of a job's events; open it under the job's lock."""

    def __init__(self, path: Path) -> None:
        """Open or make the file, and drop a last line that was cut off in the middle.

        Raises:
            OSError: the file cannot be opened or repaired.
        """
        fresh = not path.exists()
        self._descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
        self.torn_bytes = self._drop_torn_tail()
        """Length of the unfinished line that was dropped; it had never been acknowledged."""
        self._end = os.fstat(self._descriptor).st_size
        self.last_n = _last_number(self._descriptor, self._end)
        """Number of the last event in the file, 0 in an empty one."""
        # What an earlier, killed process wrote but did not sync is about to be built upon.
        sync(self._descriptor)
        if fresh:
            sync_folder(path.parent)

    @property
    def end(self) -> int:
        """Length of the file in bytes."""
        return self._end

    def append(self, event: Event) -> Recorded:
        """Write one event; a durable one is on the disk when this returns.

        Raises:
            UnwritableEventError: it has no JSON form that can be read back; nothing was written.
            OSError: the disk is full or gone; the file ends where it ended before.
        """
        try:
            recorded = Recorded(n=self.last_n + 1, event=event)
        except ValidationError as error:
            raise UnwritableEventError(f"{type(event).__name__} is not an event of a job") from error
        line = _line(recorded) + b"\n"
        if event.durable:
            _check_readable(line)
        try:
            _write_all(self._descriptor, line, self._end)
            if event.durable:
                sync(self._descriptor)
        except OSError:
            # Half a line in front of the next one would cost both.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._end)
            raise
        self._end += len(line)
        self.last_n = recorded.n
        return recorded

    def close(self) -> None:
        """Close the file; what was appended last, durable or not, is on the disk then."""
        try:
            sync(self._descriptor)
        finally:
            os.close(self._descriptor)

    def _drop_torn_tail(self) -> int:
        size = os.fstat(self._descriptor).st_size
        for start, block in _blocks_backwards(self._descriptor, size):
            newline = block.rfind(b"\n")
            if newline >= 0 or start == 0:
                whole = start + newline + 1
                if whole < size:
                    os.ftruncate(self._descriptor, whole)
                return size - whole
        return 0


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view = view[written:]
        offset += written


def _line(recorded: Recorded) -> bytes:
    try:
        return recorded.model_dump_json().encode()
    except (PydanticSerializationError, UnicodeEncodeError):
        pass  # Most likely a lone surrogate from a model or a file; JSON has no place for it.
    try:
        return to_json(_without_surrogates(recorded.model_dump()), inf_nan_mode="strings")
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        kind = type(recorded.event).__name__
        raise UnwritableEventError(f"the event {kind} has no JSON form: {error}") from error


def _check_readable(line: bytes) -> None:
    try:
        RECORDED.validate_json(line)
    except ValidationError as error:
        reason = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise UnwritableEventError(f"the event could not be read back: {reason}") from error


def _without_surrogates(value: Any) -> Any:
    """Return a copy with U+FFFD for lone surrogates, and pairs of them joined to their character."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(item) for item in value]
    return value


def _last_number(descriptor: int, size: int) -> int:
    """Return the number of the last line; an unreadable line counts, for it had a number once."""
    unreadable = 0
    for line in _lines_backwards(descriptor, size):
        found = number_of(line)
        if found is not None:
            return found + unreadable
        unreadable += 1
    return unreadable


def number_of(line: bytes) -> int | None:
    """Return the number that a line begins with, without reading the rest of it."""
    found = _NUMBER.match(line)
    return int(found[1]) if found and len(found[1]) < 19 else None


def _lines_backwards(descriptor: int, size: int) -> Iterator[bytes]:
    rest = b""
    for start, block in _blocks_backwards(descriptor, size):
        lines = (block + rest).split(b"\n")
        rest = lines[0]
        # The file ends with a newline, so the piece after the last one is no line.
        whole = lines[1:-1] if start + len(block) == size else lines[1:]
        yield from reversed(whole)
    if size:
        yield rest


def _blocks_backwards(descriptor: int, size: int) -> Iterator[tuple[int, bytes]]:
    end = size
    while end > 0:
        start = max(0, end - _BLOCK)
        yield start, os.pread(descriptor, end - start, start)
        end = start
