"""Following jobs: what is under way is seen, what ends is told once, and the newest of a kind can be read whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

import pytest

from store.live import AsyncStore
from store.models import JobRecord
from studio.jobs.events import (
    Event,
    Failed,
    Finished,
    Metrics,
    Paused,
    Progress,
    Recorded,
    Resumed,
    Stage,
    Started,
)
from studio.jobs.live import LiveJobs
from studio.jobs.manager import JobManager
from studio.jobs.rehearsal.job import Spec
from studio.jobs.view import JobView, StageView, fold, view_of
from studio.workspace import Workspace


def folded(*events: Event) -> JobView:
    view = JobView(id="x", kind="train", title="")
    for n, event in enumerate(events, 1):
        view = fold(view, Recorded(n=n, event=event))
    return view


def test_the_picture_of_a_job() -> None:
    view = folded(
        Started(kind="train", title="r1"),
        Progress(done=5, total=10, unit="steps", rate=2.0, eta_seconds=2.5, spent_usd=0.5),
        Stage(name="load", state="running"),
        Stage(name="load", state="done", detail="ok"),
        Metrics(step=5, values={"loss": 2.0, "grad_norm": 1.0}),
        Metrics(step=6, values={"loss": 1.5}),
        Progress(done=6, unit="steps"),
    )
    assert (view.title, view.state, view.n, view.done, view.total) == ("r1", "running", 7, 6, 10)
    assert (view.spent_usd, view.step, view.metric("loss"), view.metric("grad_norm")) == (0.5, 6, 1.5, 1.0)
    assert view.stages == (StageView("load", "done", "ok"),)
    assert view.metric("nothing") is None


@pytest.mark.parametrize(
    ("events", "state", "over"),
    [
        ((Paused(),), "paused", False),
        ((Paused(), Resumed()), "running", False),
        ((Failed(what="a", kept="b", to_do="c"),), "failed", True),
        ((Failed(what="a", kept="b", to_do="c"), Started(kind="train", title="r1")), "running", False),
        ((Finished(summary="s"),), "done", True),
        ((Finished(summary="s", state="stopped"),), "stopped", True),
    ],
)
def test_states(events: tuple[Event, ...], state: str, over: bool) -> None:
    view = folded(Started(kind="train", title="r1"), *events)
    assert (view.state, view.over) == (state, over)


@asynccontextmanager
async def open_manager(folder: Path) -> AsyncIterator[JobManager]:
    workspace = Workspace.create(folder / "jessy")
    store = await AsyncStore.open(workspace.database)
    manager = JobManager(workspace, store)
    async with manager.watching(every=0.05):
        yield manager
    await store.close()


@asynccontextmanager
async def running(live: LiveJobs) -> AsyncIterator[None]:
    task = asyncio.create_task(live.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.slow
async def test_a_real_job_is_seen_and_its_end_is_told_once(tmp_path: Path) -> None:
    seen: list[tuple[JobView, ...]] = []
    ended: list[JobView] = []
    over = asyncio.Event()

    def end(view: JobView) -> None:
        ended.append(view)
        over.set()

    async with open_manager(tmp_path) as manager:
        live = LiveJobs(manager, seen.append, end, period=0.05)
        async with running(live):
            record = await manager.start("rehearsal", Spec(documents=200, pause_seconds=0.002))
            live.wake()
            await asyncio.wait_for(over.wait(), 60)
            assert [view.id for view in ended] == [record.id]
            assert (ended[0].state, ended[0].done) == ("done", 200)
            assert any(views and views[0].state == "running" for views in seen)
            assert seen[-1] == ()


@pytest.mark.slow
async def test_the_newest_of_a_kind_is_read_whole_and_then_the_next(tmp_path: Path) -> None:
    async with open_manager(tmp_path) as manager:
        live = LiveJobs(manager, lambda _: None, lambda _: None, period=0.05)
        async with running(live):
            first = await manager.start("rehearsal", Spec(documents=10))
            heard: list[str] = []
            numbers: list[int] = []
            second: JobRecord | None = None
            async with asyncio.timeout(90), aclosing(live.events("rehearsal")) as events:
                async for item in events:
                    if isinstance(item, JobRecord):
                        if item.id not in heard:
                            heard.append(item.id)
                            numbers.clear()
                        continue
                    numbers.append(item.n)
                    if isinstance(item.event, Finished):
                        assert numbers == list(range(1, len(numbers) + 1))
                        if second is not None:
                            break
                        second = await manager.start("rehearsal", Spec(documents=5))
            assert second is not None
            assert heard == [first.id, second.id]


@pytest.mark.slow
async def test_a_killed_job_says_why(tmp_path: Path) -> None:
    import os
    import signal

    from studio.jobs.process.folder import JobFolder
    from studio.jobs.process.lock import holder

    ended: asyncio.Queue[JobView] = asyncio.Queue()
    async with open_manager(tmp_path) as manager:
        live = LiveJobs(manager, lambda _: None, ended.put_nowait, period=0.05)
        async with running(live):
            record = await manager.start("rehearsal", Spec(documents=100_000, pause_seconds=0.01))
            live.wake()
            folder = JobFolder(tmp_path / "jessy" / record.folder)
            async with asyncio.timeout(60):
                while (holding := holder(folder.lock)) is None or live.newest("rehearsal") is None:
                    await live.changed()
            os.kill(holding.pid, signal.SIGKILL)
            view = await asyncio.wait_for(ended.get(), 60)
            assert view.state == "killed"
            assert "ended without a word" in view.error


async def test_a_job_that_began_and_died_between_two_looks_ends_too(tmp_path: Path) -> None:
    import os
    import signal

    from studio.jobs.order import order
    from studio.jobs.process.lock import holder

    ended: asyncio.Queue[JobView] = asyncio.Queue()
    workspace = Workspace.create(tmp_path / "jessy")
    async with open_manager(tmp_path) as manager:
        live = LiveJobs(manager, lambda _: None, ended.put_nowait, period=3600)
        async with running(live), asyncio.timeout(90):
            folder = await order(workspace, manager._store, "rehearsal", Spec(documents=100_000), None)
            job_id = folder.header().id
            live.wake()
            while live.newest("rehearsal") is None:
                await live.changed()
            await manager.start_now(job_id)
            holding = holder(folder.lock)
            assert holding is not None
            os.kill(holding.pid, signal.SIGKILL)
            while holder(folder.lock) is not None:
                await asyncio.sleep(0.01)
            live.wake()
            view = await ended.get()
            assert (view.id, view.state) == (job_id, "killed")


async def test_a_short_job_is_shown_until_it_ends(tmp_path: Path) -> None:
    seen: list[tuple[JobView, ...]] = []
    ended: list[JobView] = []

    async def events() -> AsyncIterator[Event]:
        yield Progress(done=1, total=2, unit="files")
        yield Finished(summary="2 files")

    async with open_manager(tmp_path) as manager:
        live = LiveJobs(manager, seen.append, ended.append)
        await live.watch_stream("collect", "collect", events())
    assert [view.done for views in seen for view in views] == [0, 1, 1]
    assert seen[-1] == ()
    assert [view.state for view in ended] == ["done"]


def test_a_picture_begins_with_the_record() -> None:
    record = JobRecord(kind="train", folder="x", title="r1", state="paused", done=3, total=9, unit="steps")
    view = view_of(record)
    assert (view.id, view.state, view.done, view.total) == (record.id, "paused", 3, 9)
