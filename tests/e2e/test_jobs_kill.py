"""Long jobs from real programs: beside an open studio, with everything killed, in full size."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from store.live import AsyncStore
from store.models import JobRecord
from studio.jobs.events import Finished, Recorded, Saved, Started
from studio.jobs.manager import JobManager
from studio.jobs.process.folder import JobFolder, job_folders
from studio.jobs.process.lock import holder
from studio.jobs.process.tail import EventTail
from studio.jobs.rehearsal.job import Spec, document_id
from studio.workspace import Workspace

STUDIO = """
import asyncio, sys
from pathlib import Path
from store.live import AsyncStore
from studio.jobs.manager import JobManager
from studio.workspace import Workspace

async def main():
    workspace = Workspace(Path(sys.argv[1]))
    store = await AsyncStore.open(workspace.database)
    manager = JobManager(workspace, store)
    print("open", flush=True)
    async with manager.watching(0.02):
        await asyncio.to_thread(sys.stdin.read)
    await store.close()

asyncio.run(main())
"""
"""Holds the store, watches the jobs and ends with its standard input, as an open studio does."""

COMMAND = """
import asyncio, sys
from pathlib import Path
from store.errors import StoreLocked
from store.live import AsyncStore
from studio.jobs.manager import JobManager
from studio.jobs.rehearsal.job import Spec
from studio.workspace import Workspace

async def main():
    workspace = Workspace(Path(sys.argv[1]))
    try:
        store = await AsyncStore.open(workspace.database)
    except StoreLocked:
        store = await AsyncStore.open(workspace.database, readonly=True)
    manager = JobManager(workspace, store)
    record = await manager.start("rehearsal", Spec.model_validate_json(sys.argv[2]))
    print(record.id, store.readonly, flush=True)
    async with manager.watching(0.02):
        async for recorded in manager.follow(record.id):
            last = recorded
    print(last.n, last.event.type, flush=True)
    await store.close()

asyncio.run(main())
"""
"""Starts a job and follows it to its end, as a headless command does."""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace(tmp_path / "ws")
    made.jobs.mkdir(parents=True)
    made.checkpoints.mkdir()
    yield made
    for folder in job_folders(made):
        kill_job(folder)


def program(source: str, workspace: Workspace, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", source, str(workspace.root), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def close(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=120)
    assert process.returncode == 0


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=30)


def kill_job(folder: JobFolder) -> None:
    running = holder(folder.lock)
    if running is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(running.pid)
            process.send_signal(signal.SIGKILL)
            process.wait(30)


def events(folder: JobFolder) -> list[Recorded]:
    tail, found = EventTail(folder.events), []
    while batch := tail.read():
        found += [item for item in batch if isinstance(item, Recorded)]
        assert len(found) == found[-1].n, "numbers have no gaps, and no line is damaged"
    return found


async def check_whole(
    workspace: Workspace, job_id: str, count: int, deleted: frozenset[str] = frozenset()
) -> None:
    """Everything that was acknowledged is in the store once, and nothing that a person deleted came back."""
    folder = JobFolder(workspace.jobs / job_id)
    recorded = events(folder)
    ids = [item.event.document["id"] for item in recorded if isinstance(item.event, Saved)]
    assert len(ids) == len(set(ids)), "no document was made twice"
    assert set(ids) == {document_id(job_id, index) for index in range(count)}
    assert isinstance(recorded[-1].event, Finished)
    store = await AsyncStore.open(workspace.database)
    try:
        manager = JobManager(workspace, store)
        await manager.ingest()
        record = await manager.record(job_id)
        assert (record.state, record.ingested, record.done) == ("done", recorded[-1].n, count)
        assert set(await store.run(lambda store: store.examples.ids())) == set(ids) - deleted
        assert (await manager.ingest()).events == 0
    finally:
        await store.close()


async def from_the_studio(workspace: Workspace, count: int) -> None:
    store = await AsyncStore.open(workspace.database)
    manager = JobManager(workspace, store)
    async with manager.watching():
        record = await manager.start("rehearsal", Spec(documents=count, pause_seconds=0.0002))
        numbers = [recorded.n async for recorded in manager.follow(record.id)]
    assert numbers == list(range(1, len(numbers) + 1))
    await store.close()
    await check_whole(workspace, record.id, count)


async def beside_an_open_studio(workspace: Workspace, count: int) -> None:
    studio = program(STUDIO, workspace)
    assert line_of(studio) == "open"
    spec = Spec(documents=count, pause_seconds=0.0002)
    command = program(COMMAND, workspace, spec.model_dump_json())
    job_id, readonly = line_of(command).split()
    assert readonly == "True", "the studio has the store"
    number, last = (await asyncio.to_thread(line_of, command)).split()
    assert last == "finished"
    close(command)
    close(studio)
    assert events(JobFolder(workspace.jobs / job_id))[-1].n == int(number)
    await check_whole(workspace, job_id, count)


async def everything_killed(workspace: Workspace, count: int, rounds: int, seed: int) -> None:
    """Kill studio, job or both at random moments, delete something in between, and catch up each time."""
    chance = random.Random(seed)
    command = program(COMMAND, workspace, Spec(documents=count, pause_seconds=0.0005).model_dump_json())
    job_id = line_of(command).split()[0]
    folder = JobFolder(workspace.jobs / job_id)
    victims, deleted = [command], set()
    for number in range(rounds):
        wait_for_events(folder, chance.randint(1, max(2, count // rounds)))
        time.sleep(chance.random() * 0.05)  # a random moment, not a wait for something
        if number % 3 != 1:
            for victim in victims:
                kill(victim)
            victims = []
        if number % 3 != 2:
            kill_job(folder)
        if chance.random() < 0.5:
            with folder.events.open("ab") as file:  # as a kill in the middle of a write leaves it
                if holder(folder.lock) is None:
                    file.write(b'{"n":1234567,"at":"20')
        if not victims:
            before = await catch_up(workspace, job_id)
            deleted |= await delete_one(workspace, chance)
            assert before.ingested <= len(events(folder))
            studio = program(STUDIO, workspace)
            assert line_of(studio) == "open"
            victims = [studio]
    for victim in victims:
        close(victim)
    await catch_up(workspace, job_id)
    await finish(workspace, job_id)
    await check_whole(workspace, job_id, count, frozenset(deleted))
    assert sum(isinstance(item.event, Started) for item in events(folder)) > 1


def wait_for_events(folder: JobFolder, more: int) -> None:
    """Wait until the job has said `more` things, or runs no more."""
    deadline = time.monotonic() + 60
    tail = EventTail(folder.events)
    while tail.read():
        pass
    start = tail.n
    while tail.n < start + more and time.monotonic() < deadline:
        if not tail.read() and holder(folder.lock) is None and not folder.queued.exists():
            return
        time.sleep(0.002)


async def catch_up(workspace: Workspace, job_id: str) -> JobRecord:
    """Open the store as the next start does, and go on with the job where it is not running."""
    store = await AsyncStore.open(workspace.database)
    try:
        manager = JobManager(workspace, store)
        await manager.ingest()
        record = await manager.record(job_id)
        if record.state == "killed":
            record = await manager.resume(job_id)
        return record
    finally:
        await store.close()


async def delete_one(workspace: Workspace, chance: random.Random) -> set[str]:
    store = await AsyncStore.open(workspace.database)
    try:
        ids = await store.run(lambda store: store.examples.ids())
        gone = set(chance.sample(ids, min(1, len(ids))))
        for example_id in gone:
            await store.write(lambda store, example_id=example_id: store.examples.delete(example_id))
        return gone
    finally:
        await store.close()


async def finish(workspace: Workspace, job_id: str) -> None:
    store = await AsyncStore.open(workspace.database)
    try:
        manager = JobManager(workspace, store)
        async with manager.watching():
            async for _ in manager.follow(job_id):
                pass
    finally:
        await store.close()


async def test_from_the_studio(workspace: Workspace) -> None:
    await from_the_studio(workspace, 300)


@pytest.mark.slow
async def test_beside_an_open_studio(workspace: Workspace) -> None:
    await beside_an_open_studio(workspace, 200)


@pytest.mark.slow
async def test_everything_killed(workspace: Workspace) -> None:
    await everything_killed(workspace, 300, rounds=3, seed=1)


@pytest.mark.e2e
@pytest.mark.timeout(600)
async def test_twenty_thousand_from_the_studio(workspace: Workspace) -> None:
    await from_the_studio(workspace, 20_000)


@pytest.mark.e2e
@pytest.mark.timeout(600)
async def test_twenty_thousand_beside_an_open_studio(workspace: Workspace) -> None:
    await beside_an_open_studio(workspace, 20_000)


@pytest.mark.e2e
@pytest.mark.timeout(600)
async def test_twenty_thousand_with_everything_killed(workspace: Workspace) -> None:
    await everything_killed(workspace, 20_000, rounds=15, seed=2)


@pytest.mark.e2e
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(10))
async def test_everything_killed_over_and_over(workspace: Workspace, seed: int) -> None:
    await everything_killed(workspace, 3_000, rounds=25, seed=seed)


@pytest.mark.slow
async def test_the_launchers_terminal_takes_the_job_with_it_in_no_way(workspace: Workspace) -> None:
    spec = Spec(documents=400, pause_seconds=0.002)
    command = program(COMMAND, workspace, spec.model_dump_json())
    job_id = line_of(command).split()[0]
    folder = JobFolder(workspace.jobs / job_id)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(command.pid, number)
    command.communicate(timeout=30)
    assert holder(folder.lock) is not None
    await finish(workspace, job_id)
    await check_whole(workspace, job_id, 400)
