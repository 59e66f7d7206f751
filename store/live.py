"""The store for an event loop: everything happens in a thread of its own, and changes come as they are made."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from store.archive import write_archive
from store.counts import Counts
from store.database import Store
from store.storage import Changed

R = TypeVar("R")

FOLLOW_SECONDS = 0.25
"""How often a read-only store with subscribers looks for what the writer has written."""

HANDOVER_SECONDS = 0.001
"""How long a busy thread may make the event loop wait for the interpreter; Python's default is five times that."""


@dataclass(frozen=True, slots=True)
class Change:
    """Documents of one table that were put or deleted since the last change of it that a subscriber took."""

    table: str
    ids: tuple[str, ...]


class Subscription:
    """The changes for one subscriber, as an async iterator.

    What it has not taken yet is gathered by table, so that a slow subscriber costs no more than one entry an id.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, dict[str, None]] = {}
        self._news = asyncio.Event()
        self._closed = False

    def tell(self, changed: Changed) -> None:
        """Add changes. Called in the event loop."""
        for table, ids in changed.items():
            self._waiting.setdefault(table, {}).update(dict.fromkeys(ids))
        self._news.set()

    def close(self) -> None:
        """End the iteration once what is waiting has been taken."""
        self._closed = True
        self._news.set()

    @property
    def pending(self) -> bool:
        """Return whether there are changes that the subscriber has not taken yet."""
        return bool(self._waiting)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Change:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        table = next(iter(self._waiting))
        return Change(table, tuple(self._waiting.pop(table)))


class AsyncStore:
    """A store behind one thread. Functions given to `run` and `write` are called there, one after the other."""

    def __init__(self, store: Store) -> None:
        """Take over an open store; from now on use it through this object alone."""
        _hand_over_quickly()
        self._store = store
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._counts = store.counts
        self._subscriptions: dict[Subscription, asyncio.AbstractEventLoop] = {}
        self._following: asyncio.Task[None] | None = None
        self._closed = False
        self._unsubscribe = store.subscribe(self._published)

    @classmethod
    async def open(cls, folder: Path, *, readonly: bool = False) -> AsyncStore:
        """Open the store in `folder` without holding the event loop. Raises what `Store.open` raises."""
        _hand_over_quickly()
        return cls(await asyncio.to_thread(Store.open, folder, readonly=readonly))

    @property
    def readonly(self) -> bool:
        """Return whether this store only follows what another process writes."""
        return self._store.readonly

    @property
    def notes(self) -> tuple[str, ...]:
        """What opening had to mend."""
        return self._store.notes

    @property
    def folder(self) -> Path:
        """Where the database is."""
        return self._store.folder

    @property
    def counts(self) -> Counts:
        """How many examples there are after the last durable change; never waits."""
        return self._counts

    async def run(self, function: Callable[[Store], R]) -> R:
        """Return `function(store)`, called in the store's thread; a read-only store is brought up to date first.

        Cancelling the wait does not stop the function.
        """

        def call() -> R:
            if self._store.readonly:
                self._store.refresh()
            return function(self._store)

        return await self._in_thread(call)

    async def write(self, function: Callable[[Store], R]) -> R:
        """Return `function(store)`, called in the store's thread within one transaction, when that is durable.

        An exception undoes all changes. Raises StoreReadOnly, StoreWriteFailed. Cancelling the wait does not stop it.
        """

        def call() -> R:
            with self._store.transaction():
                return function(self._store)

        return await self._in_thread(call)

    async def backup(self, target: Path) -> int:
        """Write a backup as `Store.backup` does, in another thread: the store goes on working meanwhile."""
        snapshot = await self.run(lambda store: store.snapshot())
        return await asyncio.to_thread(write_archive, snapshot, target)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Subscription]:
        """Give an async iterator of Change that misses nothing made while the block runs."""
        subscription = Subscription()
        self._subscriptions[subscription] = asyncio.get_running_loop()
        if self.readonly and self._following is None:
            self._following = asyncio.create_task(self._follow(), name="store-follow")
        try:
            yield subscription
        finally:
            del self._subscriptions[subscription]
            subscription.close()
            if not self._subscriptions:
                await self._end_following()

    async def close(self) -> None:
        """Close the store after what was asked of it is done, and end all subscriptions. Twice is no error."""
        if self._closed:
            return
        self._closed = True
        await self._end_following()
        self._unsubscribe()
        for subscription in self._subscriptions:
            subscription.close()
        await self._in_thread(self._store.close)
        self._executor.shutdown(wait=False)

    async def _in_thread(self, call: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            await self._in_thread(self._store.refresh)

    async def _end_following(self) -> None:
        task, self._following = self._following, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    def _published(self, changed: Changed) -> None:
        """Pass changes on to the subscribers' loops. Called in the store's thread."""
        if "examples" in changed:
            self._counts = self._store.counts
        for subscription, loop in list(self._subscriptions.items()):
            loop.call_soon_threadsafe(subscription.tell, changed)


def _hand_over_quickly() -> None:
    """Let threads take turns at least every HANDOVER_SECONDS, in the whole process."""
    sys.setswitchinterval(min(sys.getswitchinterval(), HANDOVER_SECONDS))
