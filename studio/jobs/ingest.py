"""Ingestion: whoever writes the store takes in what all job processes have said, now and at each start."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from store.database import Store
from store.live import AsyncStore
from store.models import JobRecord
from studio.jobs.apply import Applied, Changes, apply
from studio.jobs.events import JobError, Recorded, SplitsFrozen
from studio.jobs.process.files import sync
from studio.jobs.process.folder import JobFolder, job_folders
from studio.jobs.process.follow import under_way
from studio.jobs.process.tail import BadLine, EventTail
from studio.jobs.state import ALIVE, fresh_record, seen_now
from studio.workspace import Workspace

_log = logging.getLogger(__name__)

_BATCH_EVENTS = 100


@dataclass(frozen=True)
class Ingested:
    """What one round of ingestion came to."""

    events: int = 0
    documents: int = 0
    notes: tuple[str, ...] = ()
    """Lines and documents that were skipped, folders that could not be read."""

    def __add__(self, other: Ingested) -> Ingested:
        return Ingested(
            self.events + other.events, self.documents + other.documents, self.notes + other.notes
        )


@dataclass
class _Place:
    """How far a job's events have been read."""

    stamp: tuple[int, int]
    """Of job.toml: another file there is another job."""
    record: JobRecord
    tail: EventTail


class Ingester:
    """Takes the events of a workspace's jobs into its store. One at a time, in the process that writes."""

    def __init__(
        self,
        workspace: Workspace,
        store: AsyncStore,
        cause: Callable[[JobFolder], str | None] = lambda _: None,
    ) -> None:
        """`cause` may know why a job's process ended, such as `SIGKILL`."""
        self._workspace = workspace
        self._store = store
        self._cause = cause
        self._places: dict[JobFolder, _Place] = {}
        self._broken: dict[JobFolder, str] = {}
        self._turn = asyncio.Lock()

    async def ingest(self) -> Ingested:
        """Take in all that is new in all folders; a folder with nothing new costs three `stat`s.

        Raises:
            StoreReadOnly: another process writes the store.
            StoreWriteFailed: the disk did not take it; the next round tries again.
        """
        total = Ingested()
        async with self._turn:
            for folder in await asyncio.to_thread(self._with_news):
                total += await self._folder(folder)
        for note in total.notes:
            _log.warning("%s", note)
        return total

    async def ingest_folder(self, folder: JobFolder) -> Ingested:
        """Take in all that is new in one folder; raises as `ingest`."""
        async with self._turn:
            return await self._folder(folder)

    def _with_news(self) -> list[JobFolder]:
        """Return the folders that are worth a look, and forget those that are gone. Called in a thread."""
        folders = list(job_folders(self._workspace))
        for gone in self._places.keys() - set(folders):
            del self._places[gone]
        return [folder for folder in folders if not self._idle(folder)]

    def _idle(self, folder: JobFolder) -> bool:
        place = self._places.get(folder)
        if place is None or place.record.state in ALIVE or place.tail.pending() or folder.queued.exists():
            return False
        try:
            return place.stamp == _stamp(folder)
        except OSError:
            return False

    async def _folder(self, folder: JobFolder) -> Ingested:
        try:
            place = await self._place(folder)
        except (JobError, OSError) as error:
            if self._broken.get(folder) == str(error):
                return Ingested()
            self._broken[folder] = str(error)
            return Ingested(notes=(str(error),))
        self._broken.pop(folder, None)
        going_on = under_way(folder)
        total = Ingested()
        try:
            while place.tail.pending():
                items = await asyncio.to_thread(_read_batch, place.tail)
                if not items:
                    break
                total += await self._take_in(folder, place, items)
        except BaseException:
            # What was read and not taken in, a cancelled read included, is read again the next time.
            del self._places[folder]
            raise
        seen = seen_now(place.record, folder, going_on, self._cause(folder))
        if seen != place.record:
            await self._store.write(lambda store: _put(store, seen))
            place.record = seen
        return total

    async def _place(self, folder: JobFolder) -> _Place:
        stamp = _stamp(folder)
        place = self._places.get(folder)
        if place is None or place.stamp != stamp:
            header = await asyncio.to_thread(folder.header)
            stored = await self._store.run(lambda store: store.jobs.get(header.id))
            record = stored or fresh_record(folder, header)
            if stored is None:
                await self._store.write(lambda store: store.jobs.put(record))
            tail = EventTail(folder.events, record.ingested)
            await asyncio.to_thread(tail.skip_read)
            place = self._places[folder] = _Place(stamp, record, tail)
        return place

    async def _take_in(self, folder: JobFolder, place: _Place, items: list[Recorded | BadLine]) -> Ingested:
        events = [item for item in items if isinstance(item, Recorded)]
        name = folder.workspace.relative(folder.events)
        notes = [f"{name}: {item}" for item in items if isinstance(item, BadLine)]
        documents = 0
        for small, batch in _transactions(events):
            applied: Applied = await self._store.write(partial(_apply, place.record, small, batch))
            place.record = applied.record
            documents += applied.documents
            notes += [f"{name}: {note}" for note in applied.notes]
        return Ingested(len(events), documents, tuple(notes))


def _transactions(events: list[Recorded]) -> Iterator[tuple[SplitsFrozen | None, list[Recorded]]]:
    """Cut events so that no transaction holds up the others: as (part of a large event, whole events).

    A run's splits can be tens of thousands. Freezing is the same done twice, so its parts go first, and the event
    counts as taken in with its last one.
    """
    batch: list[Recorded] = []
    for item in events:
        event = item.event
        if isinstance(event, SplitsFrozen) and len(event.splits) > _BATCH_EVENTS:
            yield None, batch
            ids = list(event.splits.items())
            parts = [dict(ids[at : at + _BATCH_EVENTS]) for at in range(0, len(ids), _BATCH_EVENTS)]
            for part in parts[:-1]:
                yield event.model_copy(update={"splits": part}), []
            batch = [item.model_copy(update={"event": event.model_copy(update={"splits": parts[-1]})})]
        else:
            batch.append(item)
    yield None, batch


def _apply(record: JobRecord, part: SplitsFrozen | None, batch: list[Recorded], store: Store) -> Applied:
    if part is None:
        return apply(store, record, batch)
    changes = Changes(store)
    changes.add(part)
    return Applied(record, changes.write())


def _stamp(folder: JobFolder) -> tuple[int, int]:
    stat = folder.job_toml.stat()
    return stat.st_mtime_ns, stat.st_ino


def _put(store: Store, record: JobRecord) -> None:
    changes = Changes(store)
    changes.mirror(record)
    changes.write()
    store.jobs.put(record)


def _read_batch(tail: EventTail) -> list[Recorded | BadLine]:
    items = tail.read(_BATCH_EVENTS)
    if items:
        # What the store counts as taken in must not be un-written by a power cut: its number would come again.
        descriptor = os.open(tail.path, os.O_RDONLY)
        try:
            sync(descriptor)
        finally:
            os.close(descriptor)
    return items
