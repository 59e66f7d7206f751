"""The manager: started, queued, resumed and ingested, by the one who writes the store and by the one who doesn't."""

from __future__ import annotations

import asyncio
import os
import re
import resource
from collections.abc import Awaitable, Callable
from typing import Any

import psutil
import pytest

from store.live import AsyncStore
from store.models import JobRecord
from studio.jobs import ingest
from studio.jobs.events import Failed, Finished, JobError, Log, Saved
from studio.jobs.ingest import Ingester
from studio.jobs.manager import JobManager
from studio.jobs.process.eventlog import EventLog
from studio.jobs.process.files import sync
from studio.jobs.process.folder import JobFolder, checked_name
from studio.jobs.process.lock import Lock, holder
from studio.jobs.rehearsal.job import Spec
from studio.workspace import Workspace

pytestmark = pytest.mark.usefixtures("no_process_left")

Until = Callable[..., Awaitable[None]]
Order = Callable[..., JobFolder]
ENDLESS: dict[str, Any] = {"documents": 1_000_000, "pause_seconds": 0.002, "words": 5}
HEAVY = {**ENDLESS, "memory_bytes": 1}


@pytest.fixture
def manager(workspace: Workspace, store: AsyncStore) -> JobManager:
    return JobManager(workspace, store)


async def stored(store: AsyncStore, job_id: str) -> JobRecord:
    found = await store.run(lambda store: store.jobs.get(job_id))
    assert found is not None
    return found


async def ended(manager: JobManager, job_id: str) -> JobRecord:
    async for _ in manager.follow(job_id):
        pass
    await manager.ingest()
    return await manager.record(job_id)


async def becomes(manager: JobManager, job_id: str, *states: str) -> JobRecord:
    async with asyncio.timeout(30):
        while (record := await manager.record(job_id)).state not in states:
            await asyncio.sleep(0.01)
    return record


async def test_a_job_is_started_followed_and_in_the_store(manager: JobManager, store: AsyncStore) -> None:
    record = await manager.start("rehearsal", Spec(documents=40, words=5))
    assert record.state in ("running", "done")
    assert record.title == "Rehearsal of 40 documents"
    assert record.folder == f"data/jobs/{record.id}"
    record = await ended(manager, record.id)
    assert (record.state, record.done, record.total, record.unit) == ("done", 40, 40, "examples")
    assert record == await stored(store, record.id)
    assert store.counts.total == 40
    assert await manager.records() == [record]


async def test_ingestion_goes_on_while_it_runs_and_happens_once(
    manager: JobManager, store: AsyncStore
) -> None:
    async with manager.watching(0.01):
        record = await manager.start("rehearsal", Spec(documents=200, pause_seconds=0.001, words=5))
        async with store.subscribe() as changes, asyncio.timeout(30):
            async for change in changes:
                if change.table == "examples":
                    break
        assert 0 < store.counts.total <= 200
        record = await ended(manager, record.id)
    assert store.counts.total == 200
    assert (await manager.ingest()).events == 0


@pytest.mark.slow
async def test_a_killed_job_is_recorded_with_its_cause_and_resumes(
    workspace: Workspace, manager: JobManager, store: AsyncStore
) -> None:
    record = await manager.start("rehearsal", Spec(documents=400, pause_seconds=0.002, words=5))
    async for recorded in manager.follow(record.id):
        if recorded.n == 40:
            held = holder(JobFolder(workspace.inside(record.folder)).lock)
            assert held is not None
            psutil.Process(held.pid).kill()
    record = await ended(manager, record.id)
    assert record.state == "killed"
    assert record.error is not None
    said = (
        r"Its process ended without a word \(killed by SIGKILL\)\. Kept: \d+ of 400 examples and \d+ events"
    )
    assert re.match(said, record.error)
    assert record.ended_at is not None
    assert (await stored(store, record.id)).state == "killed"
    resumed = await manager.resume(record.id)
    assert (resumed.state in ("running", "done"), resumed.error) == (True, None)
    record = await ended(manager, record.id)
    assert (record.state, record.done) == ("done", 400)
    assert store.counts.total == 400
    with pytest.raises(JobError, match="is done"):
        await manager.resume(record.id)


async def test_a_paused_job_goes_on_by_resume(manager: JobManager) -> None:
    record = await manager.start("rehearsal", Spec(**ENDLESS))
    manager.request(record.id, "pause")
    await becomes(manager, record.id, "paused")
    await manager.resume(record.id)
    await becomes(manager, record.id, "running")
    with pytest.raises(JobError, match="is running already"):
        await manager.resume(record.id)
    manager.request(record.id, "stop")
    assert (await ended(manager, record.id)).state == "stopped"
    with pytest.raises(JobError, match="does not run"):
        manager.request(record.id, "pause")
    with pytest.raises(JobError, match="no job"):
        manager.request("../../etc", "stop")


async def test_jobs_that_load_a_model_run_one_at_a_time(manager: JobManager, store: AsyncStore) -> None:
    first = await manager.start("rehearsal", Spec(**HEAVY), title="The first")
    second = await manager.start("rehearsal", Spec(**{**HEAVY, "documents": 3}), title="The second")
    third = await manager.start("rehearsal", Spec(**{**HEAVY, "documents": 2}))
    light = await manager.start("rehearsal", Spec(documents=1))
    assert (first.state, second.state, third.state) == ("running", "queued", "queued")
    assert second.error == "waits for The first: one model at a time"
    assert (await stored(store, second.id)).error == second.error
    assert (await ended(manager, light.id)).state == "done"
    async with manager.watching(0.01):
        manager.request(first.id, "stop")
        assert (await ended(manager, second.id)).state == "done"
        assert (await ended(manager, third.id)).state == "done"
    runs = {record.id: record for record in await manager.records()}
    assert runs[first.id].ended_at < runs[second.id].ended_at < runs[third.id].ended_at  # type: ignore[operator]


async def test_what_does_not_fit_waits_and_says_so_until_a_person_wants_it(manager: JobManager) -> None:
    spec = Spec(documents=2, memory_bytes=10**15)
    record = await manager.start("rehearsal", spec)
    assert record.state == "queued"
    assert "it needs about 1000000.0 GB" in (record.error or "")
    assert (await manager.resume(record.id)).state == "queued"
    assert (await manager.start_now(record.id)).state in ("running", "done")
    assert (await ended(manager, record.id)).state == "done"
    with pytest.raises(JobError, match="does not wait"):
        await manager.start_now(record.id)


async def test_a_waiting_job_leaves_the_queue_by_stop_and_its_followers_end(manager: JobManager) -> None:
    record = await manager.start("rehearsal", Spec(memory_bytes=10**15))
    following = asyncio.create_task(ended(manager, record.id))
    with pytest.raises(JobError):
        manager.request(record.id, "pause")
    manager.request(record.id, "stop")
    assert (await following).state == "stopped"


async def test_the_next_start_takes_up_what_was_left(
    workspace: Workspace, store: AsyncStore, order_rehearsal: Order
) -> None:
    folder = order_rehearsal(documents=5)
    manager = JobManager(workspace, store)
    async with manager.watching(0.01):
        assert (await ended(manager, folder.path.name)).state == "done"
    assert store.counts.total == 5


async def test_a_reader_starts_and_follows_and_the_writer_ingests(
    workspace: Workspace, store: AsyncStore
) -> None:
    follower = await AsyncStore.open(workspace.database, readonly=True)
    try:
        beside = JobManager(workspace, follower)
        record = await beside.start("rehearsal", Spec(documents=30, words=5))
        assert record.state in ("running", "done")
        seen = [recorded.event async for recorded in beside.follow(record.id)]
        assert isinstance(seen[-1], Finished)
        assert (await beside.record(record.id)).state == "done"
        assert (await beside.ingest()).events == 0
        assert store.counts.total == 0
        await JobManager(workspace, store).ingest()
        assert store.counts.total == 30
        assert (await beside.records())[0].done == 30
    finally:
        await follower.close()


async def test_a_process_that_cannot_start_is_a_failure_with_its_log(
    manager: JobManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with pytest.raises(JobError, match="did not start"):
        await manager.start("rehearsal", Spec(documents=1))
    (record,) = await manager.records()
    assert record.state == "failed"
    assert record.id in (record.error or "") or "did not start" in (record.error or "")
    monkeypatch.delenv("PYTHONHOME")
    await manager.resume(record.id)
    assert (await ended(manager, record.id)).state == "done"


async def test_bad_lines_and_broken_folders_are_notes_and_the_rest_is_taken_in(
    workspace: Workspace, store: AsyncStore, order_rehearsal: Order
) -> None:
    folder, broken = order_rehearsal(), order_rehearsal()
    broken.job_toml.write_text("id = ")
    log = EventLog(folder.events)
    log.append(Saved(table="pairs", document={"id": 7}))
    log.append(Log(text="one"))
    log.close()
    with folder.events.open("ab") as file:
        file.write(b"\xff\n")
    ingester = Ingester(workspace, store)
    ingested = await ingester.ingest()
    assert ingested.events == 2
    notes = sorted(ingested.notes)
    assert len(notes) == 3
    assert "job.toml cannot be read" in notes[0]
    assert "event 1: a document for pairs is not one" in notes[1]
    assert "line 3 was skipped" in notes[2]
    assert (await ingester.ingest()).notes == ()


async def test_events_are_on_the_disk_before_the_store_counts_them(
    workspace: Workspace, store: AsyncStore, order_rehearsal: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = order_rehearsal()
    log = EventLog(folder.events)
    for index in range(250):
        log.append(Log(text=str(index)))
    synced: list[tuple[int, int]] = []

    def recording(descriptor: int) -> None:
        sync(descriptor)
        found = store._store.jobs.get(folder.path.name)
        synced.append((os.fstat(descriptor).st_size, found.ingested if found else 0))

    monkeypatch.setattr(ingest, "sync", recording)
    await Ingester(workspace, store).ingest()
    log.close()
    assert (await stored(store, folder.path.name)).ingested == 250
    # Each batch: the whole file was synced while the store still counted only the batches before.
    assert synced == [(log.end, 0), (log.end, 100), (log.end, 200)]


async def test_a_run_folder_that_is_made_again_is_another_job(
    workspace: Workspace, store: AsyncStore, order_rehearsal: Order
) -> None:
    ingester = Ingester(workspace, store)
    first, second = order_rehearsal(), order_rehearsal()
    for folder in (first, second):
        log = EventLog(folder.events)
        log.append(Failed(what=folder.path.name, kept="k", to_do="t"))
        log.close()
        folder.queued.unlink()
    aside = second.path.rename(workspace.root / "aside")
    await ingester.ingest()
    first.path.rename(workspace.root / "old")
    aside.rename(first.path)
    await ingester.ingest()
    errors = [(await stored(store, name)).error for name in (first.path.name, second.path.name)]
    assert [error and error.split(".")[0] for error in errors] == [first.path.name, second.path.name]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="no way here to take room from another process")
async def test_a_job_that_has_no_more_room_ends_and_resumes_when_there_is(
    workspace: Workspace, manager: JobManager, store: AsyncStore
) -> None:
    record = await manager.start("rehearsal", Spec(documents=100, words=200, pause_seconds=0.02))
    held = holder(JobFolder(workspace.root / record.folder).lock)
    assert held is not None
    resource.prlimit(held.pid, resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
    record = await ended(manager, record.id)
    assert record.state in ("failed", "killed")
    assert record.error is not None
    assert 0 < store.counts.total < 100
    await manager.resume(record.id)
    record = await ended(manager, record.id)
    assert (record.state, store.counts.total) == ("done", 100)


async def test_a_short_kind_is_not_started(manager: JobManager) -> None:
    with pytest.raises(ValueError, match="short job"):
        await manager.start("collect", Spec())


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "-x", ".hidden", "a b", "ş", "x" * 65, "x\n", "a."]
)
def test_names_never_become_paths(name: str) -> None:
    with pytest.raises(JobError, match="cannot name a folder"):
        checked_name(name)


@pytest.mark.slow
async def test_two_managers_start_a_waiting_job_once(
    workspace: Workspace, store: AsyncStore, order_rehearsal: Order, until: Until
) -> None:
    folder = order_rehearsal(documents=20, pause_seconds=0.001)
    one, other = JobManager(workspace, store), JobManager(workspace, store)
    async with one.watching(0.01), other.watching(0.01):
        assert (await ended(one, folder.path.name)).state == "done"
        await until(lambda: holder(folder.lock) is None)
    assert store.counts.total == 20
    with Lock(folder.lock):
        log = EventLog(folder.events)
        assert log.last_n == (await stored(store, folder.path.name)).ingested
        log.close()
