"""Who runs a job: a lock that names a process by pid *and* start time, so that a reused pid is seen through."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from studio.jobs.process.files import open_private, sync

EXIT_REFUSED = 3
"""Exit code of a runner that found its job run by another process."""

_SAME_START_SECONDS = 0.5
_SAME_UPTIME_SECONDS = 0.05


class LockHeldError(Exception):
    """Another process runs the job."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(f"process {holder.pid} runs this job already")
        self.holder = holder


class Holder(BaseModel):
    """A process, told apart from a later one with the same pid."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int
    started: float
    """Seconds since the epoch."""
    uptime: float | None = None
    """Seconds from the machine's start to the process's: it stays the same when the clock is set."""

    @classmethod
    def of(cls, pid: int) -> Holder | None:
        """Describe the process `pid`, or None when there is none (a zombie is none)."""
        started = _started(pid)
        return None if started is None else cls(pid=pid, started=started, uptime=_uptime(started))

    def alive(self) -> bool:
        """Say whether this very process is still there."""
        started = _started(self.pid)
        if started is None:
            return False
        if abs(started - self.started) < _SAME_START_SECONDS:
            return True
        return self.uptime is not None and abs(_uptime(started) - self.uptime) < _SAME_UPTIME_SECONDS


def _started(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except (psutil.Error, ValueError):
        return None


def _uptime(started: float) -> float:
    return started - psutil.boot_time()


def holder(path: Path) -> Holder | None:
    """Return the live process that holds the lock at `path`; None when it is free or stale."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return _living(content)


class Lock:
    """The right to run the job of a folder; held from `acquire` to `release` or to the process's end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = False

    def acquire(self) -> None:
        """Take the lock; a stale one (its process is gone, or its pid is another's now) is taken over.

        Raises:
            LockHeldError: a live process has it.
            OSError: the file cannot be written.
        """
        own = Holder.of(os.getpid())
        if own is None:
            raise OSError("this process does not find itself in the process table")
        with _guarded(self._path) as descriptor:
            content = os.pread(descriptor, 4096, 0)
            other = _living(content)
            if other is not None:
                raise LockHeldError(other)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, own.model_dump_json().encode() + b"\n", 0)
            sync(descriptor)
        self._held = True

    def release(self) -> None:
        """Give the lock back; without effect when it is not held."""
        if not self._held:
            return
        with _guarded(self._path) as descriptor:
            os.ftruncate(descriptor, 0)
        self._held = False

    def __enter__(self) -> Lock:
        """Acquire."""
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        """Release."""
        self.release()


def _living(content: bytes) -> Holder | None:
    # An unreadable lock is one whose writer was cut off by a power failure: nobody holds it.
    with contextlib.suppress(ValidationError):
        named = Holder.model_validate_json(content)
        if named.alive():
            return named
    return None


@contextlib.contextmanager
def _guarded(path: Path) -> Iterator[int]:
    """Open the lock file so that two processes never look and write at the same time."""
    descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
