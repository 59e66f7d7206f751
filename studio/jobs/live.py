"""All jobs that are under way, followed side by side: what the strip shows and what the screens wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from store.models import JobRecord, new_id
from studio.jobs.events import Event, Recorded
from studio.jobs.view import JobView, fold, view_of

_UNDER_WAY = {"queued", "running", "paused"}
_FOLLOWED = {"running", "paused"}
_BREATH = 64
"""Events of history that are taken in before others get their turn."""


class Jobs(Protocol):
    """The part of the job manager that following needs."""

    async def records(self) -> list[JobRecord]:
        """Return all jobs of the workspace."""
        ...

    def follow(self, job_id: str, after: int = 0) -> AsyncIterator[Recorded]:
        """Yield the job's events after number `after`, then new ones, until it ends."""
        ...


class LiveJobs:
    """Keeps a picture of every job under way and says when one ends.

    `on_change` gets all pictures whenever one changed; `on_end` gets the last picture of a job that ended while
    it was followed. `run` goes on until it is cancelled. `period` is how often, in seconds, the list of jobs is
    read again when nobody called `wake`.
    """

    def __init__(
        self,
        jobs: Jobs,
        on_change: Callable[[tuple[JobView, ...]], None],
        on_end: Callable[[JobView], None],
        *,
        period: float = 1.0,
    ) -> None:
        self._jobs = jobs
        self._on_change = on_change
        self._on_end = on_end
        self._period = period
        self._views: dict[str, JobView] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._streams: set[str] = set()
        self._records: dict[str, JobRecord] = {}
        self._published: tuple[JobView, ...] = ()
        self._wake = asyncio.Event()
        self._turn = asyncio.Event()

    def wake(self) -> None:
        """Look for new jobs now."""
        self._wake.set()

    async def changed(self) -> None:
        """Wait until the list of jobs, or the state of one, is another."""
        await self._turn.wait()

    def newest(self, kind: str) -> JobRecord | None:
        """Return the job of this kind that was made last."""
        found = [record for record in self._records.values() if record.kind == kind]
        return max(found, key=lambda record: record.created_at, default=None)

    async def run(self) -> None:
        """Follow until cancelled."""
        try:
            while True:
                await self._look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._period)
                self._wake.clear()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def events(self, kind: str) -> AsyncIterator[JobRecord | Recorded]:
        """Yield the newest job of a kind and its events, then the next newest, for as long as it is asked.

        A record comes before the first event of each job and again when its state is another than its events
        tell; a job that is resumed goes on where it was.
        """
        seen, n, state = "", 0, ""
        while True:
            turn = self._turn
            record = self.newest(kind)
            if record is None or (record.id, record.state) == (seen, state):
                await turn.wait()
                continue
            if record.id != seen:
                n = 0
            seen, state = record.id, record.state
            yield record
            async for recorded in self._jobs.follow(record.id, after=n):
                n = recorded.n
                yield recorded
                if n % _BREATH == 0:
                    await asyncio.sleep(0)

    async def watch_stream(self, kind: str, title: str, events: AsyncIterator[Event]) -> None:
        """Show a short job, which has no process of its own, beside the others until it ends.

        Raises:
            Exception: what the job raised.
        """
        view = JobView(id=new_id(), kind=kind, title=title, state="running")
        try:
            self._views[view.id] = view
            self._streams.add(view.id)
            self._publish()
            async for event in events:
                view = fold(view, Recorded(n=view.n + 1, event=event))
                self._views[view.id] = view
                self._publish()
        finally:
            self._streams.discard(view.id)
            self._views.pop(view.id, None)
            self._publish()
        self._on_end(view if view.over else replace(view, state="done"))

    async def _look(self) -> None:
        records = {record.id: record for record in await self._jobs.records()}
        new = {key: record.state for key, record in records.items()}
        old = {key: record.state for key, record in self._records.items()}
        if new != old:
            self._records = records
            self._turn.set()
            self._turn = asyncio.Event()
        self._records = records
        for record in records.values():
            # One that waited at the last look may have begun and ended since; its end is told, too.
            missed = old.get(record.id) == "queued" and record.state not in _UNDER_WAY
            if (record.state in _FOLLOWED or missed) and record.id not in self._tasks:
                self._tasks[record.id] = asyncio.create_task(self._follow(record))
        queued = [record for record in records.values() if record.state == "queued"]
        for record in queued:
            self._views.setdefault(record.id, view_of(record))
        for job_id in [key for key in self._views if key not in self._tasks and key not in self._streams]:
            if job_id not in records or records[job_id].state not in _UNDER_WAY:
                del self._views[job_id]
        self._publish()

    async def _follow(self, record: JobRecord) -> None:
        view = self._views.get(record.id) or view_of(record)
        if view.over:
            view = view_of(record)
        try:
            async for recorded in self._jobs.follow(record.id, after=view.n):
                view = fold(view, recorded)
                self._views[record.id] = view
                if view.n % _BREATH == 0:
                    await asyncio.sleep(0)
                self._publish()
            if not view.over:
                view = await self._left_without_a_word(view)
        finally:
            self._tasks.pop(record.id, None)
            self._views.pop(record.id, None)
        if view.over:
            self._on_end(view)
        self._publish()

    async def _left_without_a_word(self, view: JobView) -> JobView:
        """Return the picture of a job whose process is gone: its record knows why."""
        records = {record.id: record for record in await self._jobs.records()}
        record = records.get(view.id)
        return view if record is None else replace(view, state=record.state, error=record.error or "")

    def _publish(self) -> None:
        views = tuple(self._views.values())
        if views != self._published:
            self._published = views
            self._on_change(views)
