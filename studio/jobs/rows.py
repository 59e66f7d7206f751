"""An append-only file of JSON rows in a job's folder: what was acknowledged is on the disk, a torn end is not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from studio.jobs.process.files import open_private, sync, sync_folder

Row = dict[str, Any]


class RowFile:
    """Rows of one process; the job's lock keeps others away."""

    def __init__(self, path: Path) -> None:
        """Open or make the file, and cut off a last line that a kill left unfinished.

        Raises:
            OSError: the file cannot be opened or repaired.
        """
        self._path = path
        fresh = not path.exists()
        descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
        try:
            content = path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                os.ftruncate(descriptor, whole)
            # What an earlier, killed process wrote but did not sync is about to be built upon.
            sync(descriptor)
        finally:
            os.close(descriptor)
        if fresh:
            sync_folder(path.parent)
        self.rows = [row for line in content[:whole].splitlines() if (row := _row(line)) is not None]
        """What earlier processes wrote; damaged lines are left out."""

    def append(self, rows: Iterable[Row], *, durable: bool = True) -> None:
        """Append rows; durable ones are on the disk when this returns.

        Raises:
            OSError: the disk is full or gone; the rows do not count.
        """
        # ASCII escapes keep lone surrogates of a broken reply writable.
        lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
        descriptor = open_private(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            end = os.fstat(descriptor).st_size
            try:
                with os.fdopen(os.dup(descriptor), "wb") as stream:
                    stream.write(lines)
                if durable:
                    sync(descriptor)
            except OSError:
                # Half a line in front of the next one would cost both.
                os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)


def _row(line: bytes) -> Row | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
