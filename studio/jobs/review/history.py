"""The order of all decisions of a workspace: which one undo takes back next, and which one redo makes again."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Mark(NamedTuple):
    """What the history knows of one example."""

    decided: float | None = None
    """When its last decision was made, in seconds since 1970; None where it has none."""
    batch: str | None = None
    """What its last decision was part of."""
    undone: float | None = None
    """When its last decision was taken back, until another one was made."""


def mark_of(document: Mapping[str, Any]) -> Mark:
    """Return the mark of an example as JSON."""
    decisions, undone = document.get("decisions"), document.get("undone")
    last = decisions[-1] if decisions else None
    return Mark(
        decided=_seconds(last["at"]) if last else None,
        batch=last.get("batch_id") if last else None,
        undone=_seconds(undone[-1]["at"]) if undone else None,
    )


class History:
    """The last decision of each example, in the order in which they were made, whoever made them and when."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}
        self._decided: list[tuple[float, str]] = []
        self._undone: list[tuple[float, str]] = []

    def put(self, example_id: str, mark: Mark) -> None:
        """Take in what an example's last decision is now."""
        if mark == Mark():
            self._marks.pop(example_id, None)
            return
        self._marks[example_id] = mark
        # What an earlier entry says is compared with the mark when it comes to the top.
        if mark.decided is not None:
            heapq.heappush(self._decided, (-mark.decided, example_id))
        if mark.undone is not None:
            heapq.heappush(self._undone, (-mark.undone, example_id))

    def drop(self, example_id: str) -> None:
        """Forget an example."""
        self._marks.pop(example_id, None)

    @property
    def newest(self) -> float | None:
        """When the newest decision was made."""
        while self._decided:
            at, example_id = self._decided[0]
            mark = self._marks.get(example_id)
            if mark is not None and mark.decided == -at:
                return -at
            heapq.heappop(self._decided)
        return None

    @property
    def newest_undone(self) -> float | None:
        """When a decision was taken back last that could be made again."""
        while self._undone:
            at, example_id = self._undone[0]
            mark = self._marks.get(example_id)
            if mark is not None and mark.undone == -at:
                return -at
            heapq.heappop(self._undone)
        return None

    def to_undo(self) -> list[str]:
        """Return the ids that the newest decision touched: one, or all of a bulk act; empty where there is none."""
        if self.newest is None:
            return []
        example_id = self._decided[0][1]
        batch = self._marks[example_id].batch
        if batch is None:
            return [example_id]
        return [key for key, mark in self._marks.items() if mark.batch == batch]

    def to_redo(self) -> list[str]:
        """Return the ids of what was taken back last; empty once another decision was made since."""
        undone, newest = self.newest_undone, self.newest
        if undone is None or (newest is not None and newest > undone):
            return []
        return [key for key, mark in self._marks.items() if mark.undone == undone]

    def next_moment(self) -> datetime:
        """Return the time for the next act: now, and later than all that is known, whatever the clock says."""
        latest = max(self.newest or 0.0, self.newest_undone or 0.0)
        return datetime.fromtimestamp(max(datetime.now(UTC).timestamp(), latest + 2e-6), UTC)


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
