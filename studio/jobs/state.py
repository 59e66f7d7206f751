"""In which state a job is at this moment: what its events say, seen with what its process says."""

from __future__ import annotations

from store.models import JobRecord, now
from studio.jobs.apply import advanced
from studio.jobs.events import Recorded
from studio.jobs.process.folder import JobFolder, JobHeader
from studio.jobs.process.follow import under_way
from studio.jobs.process.lock import holder
from studio.jobs.process.queue import waits_for
from studio.jobs.process.tail import EventTail

ALIVE = ("queued", "running", "paused")


def fresh_record(folder: JobFolder, header: JobHeader) -> JobRecord:
    """Return the record of a job of which no event was taken in yet."""
    return JobRecord(
        id=header.id,
        created_at=header.created_at,
        kind=header.kind,
        folder=folder.workspace.relative(folder.path),
        title=header.title,
    )


def seen_now(record: JobRecord, folder: JobFolder, going_on: bool, cause: str | None) -> JobRecord:
    """Return the record with the state that the process gives it.

    `going_on` is `under_way`, asked *before* the last events of `record` were read; `cause` is why the process
    ended, where that is known.
    """
    state = record.state
    # The mark outlives the lock's taking by an instant; a job with a process does not wait.
    if folder.queued.exists() and holder(folder.lock) is None:
        return record.model_copy(
            update={"state": "queued", "error": waits_for(folder) or None, "ended_at": None}
        )
    if going_on and state in ("queued", "killed"):
        return record.model_copy(update={"state": "running", "error": None, "ended_at": None})
    if not going_on and state in ALIVE:
        message = killed_message(record, cause)
        return record.model_copy(update={"state": "killed", "error": message, "ended_at": now()})
    return record


def folded(record: JobRecord, folder: JobFolder, cause: str | None) -> JobRecord:
    """Return the record after the events that are not in it yet, as it is now; the store is not touched."""
    going_on = under_way(folder)
    tail = EventTail(folder.events, record.ingested)
    tail.skip_read()
    while tail.pending() and (batch := tail.read()):
        record = advanced(record, [item for item in batch if isinstance(item, Recorded)])
    return seen_now(record, folder, going_on, cause)


def killed_message(record: JobRecord, cause: str | None) -> str:
    """Say of a job whose process is gone without an end what happened, what was kept and what to do."""
    why = cause or "killed from outside, out of memory, or a power cut"
    if record.total is not None:
        kept = f"{record.done:,} of {record.total:,} {record.unit} and {record.ingested:,} events"
    else:
        kept = f"{record.ingested:,} events"
    return f"Its process ended without a word ({why}). Kept: {kept}. Resume it to go on from there."
