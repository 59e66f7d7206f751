"""Folders of ordered jobs, and processes that are gone when the test is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from store.live import AsyncStore
from store.models import new_id
from studio.jobs.process.folder import JobFolder, JobHeader, job_folders
from studio.jobs.process.lock import holder
from studio.jobs.process.queue import enqueue
from studio.workspace import Workspace

Order = Callable[..., JobFolder]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "ws")
    made.jobs.mkdir(parents=True)
    made.checkpoints.mkdir()
    return made


@pytest_asyncio.fixture
async def store(workspace: Workspace) -> AsyncIterator[AsyncStore]:
    """The workspace's store, written by this process."""
    opened = await AsyncStore.open(workspace.database)
    yield opened
    await opened.close()


@pytest.fixture
def no_process_left(workspace: Workspace) -> Iterator[None]:
    """Kill the job processes of the workspace that a test leaves behind."""
    yield
    for folder in job_folders(workspace):
        left = holder(folder.lock)
        if left is not None and left.pid != os.getpid():
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(left.pid)
                process.send_signal(signal.SIGKILL)
                process.wait(timeout=10)


@pytest.fixture
def order_rehearsal(workspace: Workspace, no_process_left: None) -> Order:
    """Order a rehearsal, without starting it."""

    def order(**spec: Any) -> JobFolder:
        job_id = new_id()
        folder = JobFolder(workspace.jobs / job_id)
        folder.make()
        enqueue(folder)
        folder.write_header(JobHeader(id=job_id, kind="rehearsal", title="A rehearsal", spec=spec))
        return folder

    return order


async def _until(true: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.01)


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """Wait for a condition of another process, with a deadline."""
    return _until
