"""The catalogue of an open store: built once beside everything else, then kept as the store is."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import NamedTuple

from store.live import AsyncStore, Subscription
from studio.jobs.review.catalog import Catalog

_AT_ONCE = 50
"""So many changed examples are taken in without a thread of their own."""


class Taken(NamedTuple):
    """What was taken in."""

    ids: tuple[str, ...]
    """Examples that were put or deleted."""
    new: tuple[str, ...]
    """Those among them that were not there before."""


class LiveCatalog:
    """A catalogue that follows a store. `run` has to be running; `ready` is set when all is in."""

    def __init__(self, store: AsyncStore) -> None:
        self.catalog = Catalog()
        self.ready = asyncio.Event()
        self._store = store
        self._subscription: Subscription | None = None
        self._busy = False
        self._round = asyncio.Condition()

    async def run(self, on_change: Callable[[Taken], None] | None = None) -> None:
        """Build the catalogue, then follow the store until cancelled; `on_change` hears what was taken in."""
        async with self._store.subscribe() as changes:
            self._subscription = changes
            raws = await self._store.run(lambda store: store.examples.raws())
            await asyncio.to_thread(self.catalog.load, raws)
            raws.clear()
            # It stays: full collections that look at all of it hold the screen for a twentieth of a second.
            gc.freeze()
            self.ready.set()
            async for change in changes:
                self._busy = True
                if change.table == "examples":
                    new = tuple(key for key in change.ids if key not in self.catalog)
                    await self._take(change.ids)
                    if on_change is not None:
                        on_change(Taken(change.ids, new))
                self._busy = False
                async with self._round:
                    self._round.notify_all()

    async def settled(self) -> None:
        """Wait until what has been written before this call is in. Before the catalogue is built it comes with it."""
        if not self.ready.is_set() or self._subscription is None:
            return
        # A change that is being taken in may not be the last one: it, and the one that waits behind it.
        for _ in range(2):
            async with self._round:
                if self._busy or self._subscription.pending:
                    await self._round.wait()

    async def _take(self, ids: tuple[str, ...]) -> None:
        raws = await self._store.run(lambda store: store.examples.raws(ids))
        if len(ids) <= _AT_ONCE:
            self.catalog.put(raws)
        else:
            await asyncio.to_thread(self.catalog.put, raws)
        self.catalog.drop(key for key in ids if key not in raws)
