"""The jobs of a workspace: started, queued, resumed, followed and taken into the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress

from pydantic import BaseModel

from store.errors import StoreError
from store.live import AsyncStore
from store.models import JobRecord
from studio.jobs.events import Event, Finished, JobError, Recorded
from studio.jobs.ingest import Ingested, Ingester
from studio.jobs.order import order
from studio.jobs.process.control import Command, write_command
from studio.jobs.process.folder import JobFolder, job_folders
from studio.jobs.process.follow import follow, under_way
from studio.jobs.process.lock import holder
from studio.jobs.process.queue import enqueue
from studio.jobs.process.starter import Starter
from studio.jobs.state import ALIVE, folded, fresh_record
from studio.jobs.stream import stream
from studio.workspace import Workspace

_log = logging.getLogger(__name__)


class JobManager:
    """What the studio and the headless commands do with jobs.

    With a store that another process writes, it starts and follows jobs all the same; that process takes their
    events in.
    """

    def __init__(self, workspace: Workspace, store: AsyncStore) -> None:
        """Touch nothing yet; `watch` or `ingest` begins."""
        self._workspace = workspace
        self._store = store
        self._folders: dict[str, JobFolder] = {}
        self._starter = Starter(workspace)
        self._ingester = Ingester(workspace, store, self._starter.cause)

    async def start(self, kind: str, spec: BaseModel, title: str | None = None) -> JobRecord:
        """Order a long job and start it, or leave it in the queue; its record says which, and for what it waits.

        Raises:
            JobError: the order is refused, or its process does not start.
            ValueError: the kind is a short one.
        """
        folder = await order(self._workspace, self._store, kind, spec, title)
        await _make_room(folder)
        await self._starter.start_if_free(folder)
        return await self._record(folder)

    async def resume(self, job_id: str) -> JobRecord:
        """Let a paused job go on, or start one again that was stopped, killed or has failed.

        Raises:
            JobError: it is done, or runs already, or is not known.
        """
        folder = self._folder(job_id)
        record = await self._record(folder)
        if record.state == "paused":
            self.request(job_id, "resume")
            return record
        if record.state == "queued":
            return record
        if record.state in ("running", "done"):
            word = "is done" if record.state == "done" else "is running already"
            raise JobError(f"{record.title} {word}", kept="nothing was changed", to_do="Start a new one.")
        enqueue(folder)
        await _make_room(folder)
        await self._starter.start_if_free(folder)
        return await self._record(folder)

    async def start_now(self, job_id: str) -> JobRecord:
        """Start a waiting job although others run or memory is short, because a person wants it so.

        Raises:
            JobError: it does not wait, or its process does not start.
        """
        folder = self._folder(job_id)
        if not folder.queued.exists():
            raise JobError("this job does not wait", kept="nothing was changed", to_do="Look at its state.")
        await self._starter.launch(folder)
        return await self._record(folder)

    def request(self, job_id: str, command: Command) -> None:
        """Ask a running job to pause, resume, stop, or stop and save; a waiting job leaves the queue by a stop.

        Raises:
            JobError: it does not run, or is not known.
            ValueError: there is no such command.
        """
        folder = self._folder(job_id)
        if holder(folder.lock) is not None or self._starter.is_starting(folder):
            write_command(folder.control, command)
        elif folder.queued.exists() and command in ("stop", "stop_and_save"):
            self._starter.end(folder, Finished(state="stopped", summary="taken out of the queue"))
        else:
            raise JobError(
                f"this job does not run, so it cannot {command.replace('_', ' ')}",
                kept="all that it has done",
                to_do="Resume it first.",
            )

    def follow(self, job_id: str, after: int = 0) -> AsyncGenerator[Recorded, None]:
        """Yield the job's events after number `after`, then each new one within about 100 ms.

        Ends after `Failed` or `Finished`, or when the process is gone without either; then `record` says so.

        Raises:
            JobError: there is no such job.
        """
        return follow(self._folder(job_id), after)

    def stream(self, kind: str, spec: BaseModel) -> AsyncGenerator[Event, None]:
        """Run a short job here; what it saves is in the store when it is yielded. See `studio.jobs.stream`."""
        return stream(kind, spec, self._workspace, self._store)

    async def record(self, job_id: str) -> JobRecord:
        """Return what is known of a job at this moment, its last event included.

        Raises:
            JobError: there is no such job.
        """
        return await self._record(self._folder(job_id))

    async def records(self) -> list[JobRecord]:
        """Return all jobs as they are now, the newest first."""
        stored = sorted(
            await self._store.run(lambda store: store.jobs.find()), key=lambda record: record.created_at
        )
        found = await asyncio.to_thread(self._all_now, stored)
        return sorted(found.values(), key=lambda record: record.created_at, reverse=True)

    async def ingest(self) -> Ingested:
        """Take the events of all jobs into the store; without effect on a read-only one."""
        return Ingested() if self._store.readonly else await self._ingester.ingest()

    async def watch(self, every: float = 0.25) -> None:
        """Ingest and start what waits, until cancelled. `every` is in seconds."""
        while True:
            try:
                await self.ingest()
                await self._starter.start_queued()
            except (OSError, RuntimeError, StoreError):
                _log.exception("a round of watching the jobs failed; the next one tries again")
            await asyncio.sleep(every)

    @asynccontextmanager
    async def watching(self, every: float = 0.25) -> AsyncIterator[JobManager]:
        """Watch as long as the block runs, and ingest once more at its end."""
        task = asyncio.create_task(self.watch(every), name="watch the jobs")
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])
            await self.ingest()

    async def _record(self, folder: JobFolder) -> JobRecord:
        if not self._store.readonly:
            await self._ingester.ingest_folder(folder)
        header = folder.header()
        known = await self._store.run(lambda store: store.jobs.get(header.id))
        return await asyncio.to_thread(self._now, folder, known)

    def _all_now(self, stored: list[JobRecord]) -> dict[str, JobRecord]:
        found = {record.id: record for record in stored}
        newest = {record.folder: record for record in stored}
        for folder in job_folders(self._workspace):
            known = newest.get(folder.path.relative_to(self._workspace.root).as_posix())
            if known is None or known.state in ALIVE or under_way(folder):
                with suppress(JobError):
                    record = self._now(folder, known)
                    found[record.id] = record
        return found

    def _now(self, folder: JobFolder, known: JobRecord | None) -> JobRecord:
        return folded(known or fresh_record(folder, folder.header()), folder, self._starter.cause(folder))

    def _folder(self, job_id: str) -> JobFolder:
        folder = self._folders.get(job_id)
        if folder is not None and folder.is_job():
            return folder
        for folder in job_folders(self._workspace):
            with suppress(JobError):
                if folder.header().id == job_id:
                    self._folders[job_id] = folder
                    return folder
        raise JobError(
            f"there is no job {job_id}",
            kept="nothing was changed",
            to_do="See `jessy-studio status` for the jobs.",
        )


async def _make_room(folder: JobFolder) -> None:
    """End the models that chats hold here before a heavy job looks how much memory there is."""
    header = await asyncio.to_thread(folder.header)
    if header.heavy:
        from studio.jobs.chat.local import close_local_models

        await close_local_models()
