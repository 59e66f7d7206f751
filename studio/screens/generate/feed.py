"""The newest examples and failures of a job as rows to read: some of each, however fast the others come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.models import Example
    from studio.jobs.events import Unit
    from widgets.line_list import Line


@dataclass(frozen=True)
class Row:
    """One row: an example, or a request that failed."""

    line: Line
    example: Example | None = None
    failed: Unit | None = None
    place: str = ""
    """The `recipe/slot` of a failure, of a request or of an example that does not count; empty where it is none."""


class Feed:
    """Rows by their id, the newest first."""

    def __init__(self, most: int = 200) -> None:
        """So many of all, and so many failures, are kept; all examples are in Review."""
        self._most = most
        self._rows: dict[str, Row] = {}
        self._all: list[str] = []
        self._failed: list[str] = []

    def clear(self) -> None:
        """Forget all."""
        self._rows.clear()
        self._all.clear()
        self._failed.clear()

    def put(self, row_id: str, row: Row) -> None:
        """Add a row, or change one that is there."""
        if row_id not in self._rows:
            self._enter(self._all, row_id)
        if row.place and row_id not in self._failed:
            self._enter(self._failed, row_id)
        self._rows[row_id] = row

    def get(self, row_id: str | None) -> Row | None:
        """Return a row that is kept."""
        return self._rows.get(row_id or "")

    def ids(self, *, failures: bool = False) -> list[str]:
        """Return the rows in their order, all or the failures only."""
        return list(self._failed if failures else self._all)

    @property
    def lines(self) -> dict[str, Line]:
        """The line of each row."""
        return {row_id: row.line for row_id, row in self._rows.items()}

    @property
    def places(self) -> tuple[str, ...]:
        """The `recipe/slot` of the failures, each once."""
        return tuple(dict.fromkeys(self._rows[row_id].place for row_id in self._failed))

    def _enter(self, ids: list[str], row_id: str) -> None:
        ids.insert(0, row_id)
        if len(ids) > self._most:
            gone = ids.pop()
            if gone not in self._all and gone not in self._failed:
                del self._rows[gone]
