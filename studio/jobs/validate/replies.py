"""The replies of a validation job, kept in its folder as they come, so that a kill costs one batch at most."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from studio.jobs.rows import RowFile

Key = tuple[str, str, str]
"""Subject, suite and case."""


class ReplyLog:
    """All replies so far."""

    def __init__(self, path: Path) -> None:
        """Read what earlier processes of the job were answered."""
        self._file = RowFile(path)
        self._replies: dict[Key, str] = {}
        for row in self._file.rows:
            subject, suite, case, reply = (row.get(name) for name in ("subject", "suite", "case", "reply"))
            if isinstance(reply, str):
                self._replies[str(subject), str(suite), str(case)] = reply

    def get(self, key: Key) -> str | None:
        """Return the reply, or None while there is none."""
        return self._replies.get(key)

    def add(self, replies: Iterable[tuple[Key, str]]) -> None:
        """Append replies and wait until they are on the disk."""
        new = dict(replies)
        self._file.append(
            {"subject": subject, "suite": suite, "case": case, "reply": reply}
            for (subject, suite, case), reply in new.items()
        )
        self._replies.update(new)
