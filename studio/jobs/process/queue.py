"""Which jobs wait, and for what: jobs that load a model run one at a time, and only where memory allows."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

import psutil

from studio.jobs.events import JobError
from studio.jobs.process.files import open_private, write_atomically
from studio.jobs.process.folder import JobFolder, JobHeader, job_folders
from studio.jobs.process.lock import holder
from studio.workspace import Workspace

_GUARD = ".starting"


def enqueue(folder: JobFolder, why: str = "") -> None:
    """Mark the job as waiting; `why` is for people.

    Raises:
        OSError: the mark cannot be written.
    """
    write_atomically(folder.queued, why.encode(), durable=not folder.queued.exists())


def queue(workspace: Workspace) -> list[tuple[JobFolder, JobHeader]]:
    """Return the waiting jobs, the one ordered first in front; those with a damaged `job.toml` are left out."""
    waiting = []
    for folder in job_folders(workspace):
        if folder.queued.exists():
            with contextlib.suppress(JobError):
                waiting.append((folder, folder.header()))
    return sorted(waiting, key=lambda item: item[1].created_at)


def must_wait(workspace: Workspace, folder: JobFolder, header: JobHeader) -> str | None:
    """Return for what the job has to wait, in words for people, or None when it may start now."""
    if not header.heavy:
        return None
    for other in job_folders(workspace):
        if other != folder and holder(other.lock) is not None:
            with contextlib.suppress(JobError):
                running = other.header()
                if running.heavy:
                    return f"waits for {running.title}: one model at a time"
    for other, waiting in queue(workspace):
        if other == folder:
            break
        if waiting.heavy:
            return f"waits behind {waiting.title}"
    return _memory_lacks(header.need_bytes)


@contextlib.contextmanager
def starting(workspace: Workspace) -> Iterator[bool]:
    """Give True to one process at a time: two that look at the same moment must not both start a model."""
    workspace.jobs.mkdir(parents=True, exist_ok=True)
    descriptor = open_private(workspace.jobs / _GUARD, os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _memory_lacks(need_bytes: int | None) -> str | None:
    if need_bytes is None:
        return None
    free = psutil.virtual_memory().available
    if need_bytes <= free:
        return None
    return (
        f"waits for memory: it needs about {need_bytes / 1e9:.1f} GB and {free / 1e9:.0f} GB are free. "
        "Close something, or unload Ollama's models"
    )


def waits_for(folder: JobFolder) -> str:
    """Return for what a waiting job waits; empty when it does not wait or does not know."""
    try:
        return folder.queued.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
