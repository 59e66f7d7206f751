"""Following a job: all that it has said, then what it says, until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from itertools import count

from studio.jobs.events import Failed, Finished, Log, Recorded
from studio.jobs.process.folder import JobFolder
from studio.jobs.process.lock import holder
from studio.jobs.process.tail import BadLine, EventTail

_POLL_SECONDS = 0.075
_LOOKS = 4
"""One of so many polls asks whether the process is still there, which costs more than all others together."""
_BATCH = 200


def under_way(folder: JobFolder) -> bool:
    """Say whether the job has a process, or waits for one."""
    # The runner takes the lock before it removes the mark, so one of the two is there all the time.
    return folder.queued.exists() or holder(folder.lock) is not None


async def follow(folder: JobFolder, after: int = 0) -> AsyncGenerator[Recorded, None]:
    """Yield the events with numbers above `after`, then each new one within about 100 ms.

    Ends after `Failed` or `Finished`, or when the process is gone without either. A line that cannot be read is
    told as a warning and skipped.
    """
    tail = EventTail(folder.events, after)
    last: Recorded | None = None
    for poll in count():
        going_on = poll % _LOOKS != 0 or under_way(folder)
        while tail.pending() and (batch := await asyncio.to_thread(tail.read, _BATCH)):
            for item in batch:
                last = _told(item, tail.n) if isinstance(item, BadLine) else item
                yield last
        if not going_on:
            # What the process wrote before it went has been read: `under_way` was asked first.
            return
        if last is not None and isinstance(last.event, Failed | Finished) and not under_way(folder):
            return
        await asyncio.sleep(_POLL_SECONDS)


def _told(bad: BadLine, n: int) -> Recorded:
    return Recorded(n=n, event=Log(level="warning", text=f"events.jsonl: {bad}"))
