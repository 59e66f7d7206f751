"""Sending a batch once, whatever becomes of the answer: one whose id was never heard is looked for at the server."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from studio.jobs.generate.teachers.batch_calls import BatchCalls
from studio.jobs.generate.teachers.submitted import Submissions, Submitted

if TYPE_CHECKING:
    from anthropic.types.messages import MessageBatch

_CLOCKS_DIFFER = timedelta(minutes=5)
"""By which a server's clock may be behind ours."""


class Posting:
    """One job's batches on their way to one account."""

    def __init__(self, calls: BatchCalls, book: Submissions) -> None:
        self._calls = calls
        self._book = book
        self._tried: set[str] = set()
        """Batches that may be with the server although their id is not known, by their key."""
        self._not_ours: set[str] = set()
        """Batches of this account that turned out to be somebody else's."""

    async def send(self, batch: Submitted, requests: dict[str, dict[str, Any]]) -> str:
        """Submit a batch unless an earlier attempt has done it and only its answer was lost; return its id.

        Raises:
            AttemptError: it did not go through, or that is not known; call again with the same batch.
        """
        if batch.key in self._tried and (there := await self.there(batch)) is not None:
            return there
        self._tried.add(batch.key)
        return (await self._calls.create(requests)).id

    async def there(self, batch: Submitted) -> str | None:
        """Return the id that the server has given to a batch of ours whose answer never came, or None.

        Raises:
            AttemptError: the server does not tell.
        """
        known = self._book.ids | self._not_ours
        found = await self._calls.since(batch.began - _CLOCKS_DIFFER)
        same = [one for one in found if one.id not in known and _total(one) == len(batch.units)]
        # The oldest: a later one of the same size would have been sent after this one was known.
        return min(same, key=lambda one: one.created_at).id if same else None

    def not_ours(self, batch: Submitted) -> None:
        """Note that what was found for a batch holds other requests than ours."""
        self._not_ours.add(str(batch.id))
        self._book.forget_name(batch)


def _total(batch: MessageBatch) -> int:
    counts = batch.request_counts
    return counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
