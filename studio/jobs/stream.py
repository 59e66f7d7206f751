"""Short jobs: they run inside the program that asked, and their documents are stored before anyone hears of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from pydantic import BaseModel

from store.database import Store
from store.live import AsyncStore
from studio.jobs.apply import Changes
from studio.jobs.events import Event, Log, Saved, SplitsFrozen
from studio.jobs.failure import expected, failure
from studio.jobs.registry import load
from studio.workspace import Workspace

_log = logging.getLogger(__name__)

_AHEAD = 256
"""Events that a job may be ahead of what is stored, so that many documents share one transaction."""


async def stream(
    kind: str, spec: BaseModel, workspace: Workspace, store: AsyncStore
) -> AsyncGenerator[Event, None]:
    """Run a short job. Its `Saved` and `SplitsFrozen` are in the store when they are yielded.

    An error ends the stream with `Failed`; closing the stream ends the job. On a read-only store documents are
    not kept, and a warning says so.
    """
    events: asyncio.Queue[Event | None] = asyncio.Queue()
    room = asyncio.Semaphore(_AHEAD)
    job = asyncio.create_task(_pump(load(kind).run(spec, workspace, store), events, room), name=f"job {kind}")
    job.add_done_callback(lambda _: events.put_nowait(None))
    warned = False
    try:
        while True:
            batch = [await events.get()]
            while not events.empty():
                batch.append(events.get_nowait())
            heard = [event for event in batch if event is not None]
            kept = [event for event in heard if isinstance(event, Saved | SplitsFrozen)]
            if kept and not store.readonly:
                for note in await store.write(lambda writer, kept=kept: _store(writer, kept)):  # type: ignore[misc]
                    yield Log(level="warning", text=note)
            elif kept and not warned:
                warned = True
                yield Log(level="warning", text="Not kept: another process writes this workspace.")
            for event in heard:
                room.release()
                yield event
            if None in batch:
                break
        await job
    except Exception as error:  # whatever a job does wrong has to reach who watches it
        if not expected(error):
            _log.exception("the job %s failed", kind)
        yield failure(
            error,
            kept="what was stored before",
            to_do="The log has the details; try again.",
            log_path=workspace.relative(workspace.logs),
        )
    finally:
        job.cancel()
        await asyncio.wait([job])


async def _pump(
    run: AsyncGenerator[Event, None], events: asyncio.Queue[Event | None], room: asyncio.Semaphore
) -> None:
    try:
        async with aclosing(run) as stream_of_job:
            async for event in stream_of_job:
                await room.acquire()
                events.put_nowait(event)
    except SystemExit as error:
        # In a task it would end the whole program.
        raise RuntimeError(f"a library ended the job with {error.code!r}") from error


def _store(store: Store, events: list[Any]) -> list[str]:
    changes = Changes(store)
    notes = [wrong for event in events if (wrong := changes.add(event))]
    changes.write()
    return notes
