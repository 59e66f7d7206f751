"""When batches are looked at next: soon at first, more seldom as they age, never before the server wants it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from studio.jobs.generate.teachers.submitted import Submitted

SHARE_OF_AGE = 0.1
"""A batch of ten minutes is looked at each minute: nobody waits much more than a tenth longer than it takes."""
ASKED_MOST_SECONDS = 3_600.0
"""What a server asks for is kept to up to here."""
_JITTER = 0.1
_LEAST_SECONDS = 0.01


class Polls:
    """The next look at each batch, in seconds of a clock that only goes on."""

    def __init__(self, first_seconds: float, most_seconds: float) -> None:
        """The shortest and the longest pause between two looks, in seconds."""
        self._first = first_seconds
        self._most = most_seconds
        self._since: dict[str, float] = {}
        """From when the age of a batch counts, by its key."""
        self._next: dict[str, float] = {}

    def due(self, batch: Submitted) -> bool:
        """Say whether a batch is to be looked at now."""
        return self._at(batch) <= time.monotonic()

    def looked(self, batch: Submitted, retry_after: float | None = None) -> None:
        """Note a look; `retry_after` is what the server asks to wait, in seconds, where it does."""
        now = time.monotonic()
        jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
        pause = jitter * min(self._most, max(self._first, SHARE_OF_AGE * (now - self._began(batch))))
        self._next[batch.key] = now + max(pause, min(retry_after or 0.0, ASKED_MOST_SECONDS))

    def soon(self, batch: Submitted) -> None:
        """Begin anew with short pauses: something was asked of the batch."""
        self._since[batch.key] = time.monotonic()
        self._next[batch.key] = self._since[batch.key] + self._first

    def seconds(self, batches: Iterable[Submitted]) -> float:
        """Return how long it is until the next look at any of these."""
        left = (self._at(batch) - time.monotonic() for batch in batches)
        return max(_LEAST_SECONDS, min(left, default=self._first))

    def _at(self, batch: Submitted) -> float:
        return self._next.setdefault(batch.key, self._began(batch) + self._first)

    def _began(self, batch: Submitted) -> float:
        age = max(0.0, (datetime.now(UTC) - batch.began).total_seconds())
        return self._since.setdefault(batch.key, time.monotonic() - age)
