"""The replies of a validation job, kept in its folder as they come, so that a kill costs one batch at most."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

Key = tuple[str, str, str]
"""Subject, suite and case."""


class ReplyLog:
    """An append-only file of replies; a torn last line is one that never counted."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._replies: dict[Key, str] = {}
        if file.exists():
            whole, newline, _torn = file.read_bytes().rpartition(b"\n")
            file.write_bytes(whole + newline)
            for line in whole.splitlines():
                row = json.loads(line)
                self._replies[row["subject"], row["suite"], row["case"]] = row["reply"]

    def get(self, key: Key) -> str | None:
        """Return the reply, or None while there is none."""
        return self._replies.get(key)

    def add(self, rows: Iterable[tuple[Key, str]]) -> None:
        """Append replies and wait until they are on the disk."""
        rows = list(rows)
        with self._file.open("a", encoding="utf-8") as stream:
            for (subject, suite, case), reply in rows:
                row = {"subject": subject, "suite": suite, "case": case, "reply": reply}
                # ASCII escapes keep lone surrogates of a broken reply writable.
                stream.write(json.dumps(row) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        self._replies.update(rows)
