"""A kill at any moment loses nothing that counted and asks for nothing twice but what was in flight."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypeGuard

import psutil
import pytest

from store.live import AsyncStore
from store.models import Example, GenerationRun
from studio.jobs.events import Event, Finished, JobError, Recorded, Saved, Started, Traffic, Unit
from studio.jobs.generate.order import ORDER_FILE, Order, Spec
from studio.jobs.manager import JobManager
from studio.jobs.process.folder import JobFolder
from studio.jobs.process.lock import holder
from studio.workspace import Workspace
from tests.fixtures.messages_server import MessagesServer, Step
from tests.unit.jobs.generate.conftest import Drive, OrderJob

pytestmark = pytest.mark.usefixtures("no_process_left")


def saved_ids(events: Sequence[Event]) -> list[str]:
    return [str(e.document["id"]) for e in events if isinstance(e, Saved) and e.table == "examples"]


def is_run(event: Event) -> TypeGuard[Saved]:
    return isinstance(event, Saved) and event.table == "generation_runs"


def recorded(folder: JobFolder) -> list[Event]:
    return [Recorded.model_validate_json(line).event for line in folder.events.read_text().splitlines()]


async def test_cut_after_every_event_nothing_is_lost_or_paid_twice(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    folder = await order_job(paid_spec.model_copy(update={"count": 6}))
    await drive(folder)
    lines = folder.events.read_text().splitlines(keepends=True)
    wanted = sorted(saved_ids(recorded(folder)))
    assert len(wanted) == 6
    order = Order.load(folder.path)
    for kept in range(len(lines)):
        folder.events.write_text("".join(lines[:kept]) + lines[kept][: len(lines[kept]) // 2])
        before = len(server.asked)
        answered = {e.unit_id for e in recorded_whole(lines[:kept]) if isinstance(e, Unit)}
        await drive(folder)
        after = recorded(folder)
        assert len(server.asked) - before == len(order.units) - len(answered)
        assert sorted(saved_ids(after)) == wanted
        assert len({str(e.document["created_at"]) for e in after if is_run(e)}) == 1
        assert Counter(e.unit_id for e in after if isinstance(e, Unit)).most_common(1)[0][1] == 1


def recorded_whole(lines: list[str]) -> list[Event]:
    return [Recorded.model_validate_json(line).event for line in lines]


async def test_the_reply_is_on_the_disk_before_its_examples(
    order_job: OrderJob, drive: Drive, paid_spec: Spec
) -> None:
    folder = await order_job(paid_spec)
    await drive(folder)
    replies: dict[str, str] = {}
    for event in recorded(folder):
        if isinstance(event, Unit):
            replies[event.unit_id] = event.text
        elif isinstance(event, Saved) and event.table == "examples":
            example = Example.model_validate(event.document)
            assert example.messages[0].content in replies[example.provenance.unit_id or ""]


async def killed_again_and_again(
    manager: JobManager, workspace: Workspace, job_id: str, moments: Sequence[int]
) -> None:
    """Kill the process after each number of events that it says, resume it, and let the last one go to its end."""
    for moment in (*moments, None):
        record = await manager.record(job_id)
        folder = JobFolder(workspace.inside(record.folder))
        after = len(folder.events.read_bytes().splitlines())
        if record.state != "running":
            await manager.resume(job_id)
        async for item in manager.follow(job_id, after=after):
            held = holder(folder.lock)
            if moment is not None and item.n - after >= moment and held is not None:
                psutil.Process(held.pid).kill()
                break
        async for _ in manager.follow(job_id, after=after):
            pass
        await manager.ingest()


@pytest.mark.e2e
async def test_offline_in_its_own_process_killed_five_times(workspace: Workspace, store: AsyncStore) -> None:
    manager = JobManager(workspace, store)
    record = await manager.start("generate", Spec())
    total = len(Order.load(workspace.inside(record.folder)).units)
    assert total >= 400
    moments = [random.Random(7).randrange(5, 120) for _ in range(5)]
    await killed_again_and_again(manager, workspace, record.id, moments)
    record = await manager.record(record.id)
    assert (record.state, record.done, record.total) == ("done", total, total)
    examples = await store.run(lambda database: database.examples.find())
    units = Counter(example.provenance.unit_id for example in examples)
    assert len(examples) == len(units) == total
    assert {example.provenance.teacher for example in examples} == {"offline"}
    assert {example.provenance.job_id for example in examples} == {record.id}
    events = recorded(JobFolder(workspace.inside(record.folder)))
    assert sum(1 for event in events if event.type == "started") >= 3, "hardly any kill came in time"
    assert Counter(saved_ids(events)).most_common(1)[0][1] == 1
    run = await store.run(lambda database: database.generation_runs.get(record.id))
    assert isinstance(run, GenerationRun)
    assert (run.teacher, run.wanted) == ("offline", total)


@pytest.mark.e2e
async def test_a_paid_teacher_killed_three_times(
    workspace: Workspace, store: AsyncStore, paid_spec: Spec, server: MessagesServer
) -> None:
    manager = JobManager(workspace, store)
    spec = paid_spec.model_copy(update={"count": 80, "budget_usd": 2.0})
    record = await manager.start("generate", spec)
    await killed_again_and_again(manager, workspace, record.id, [20, 9, 31])
    record = await manager.record(record.id)
    assert record.state == "done"
    examples = await store.run(lambda database: database.examples.find())
    assert len(examples) == 80
    # 40 requests, and once more those that were in flight at a kill.
    assert 40 <= len(server.asked) <= 40 + 3 * spec.concurrency
    folder = JobFolder(workspace.inside(record.folder))
    end = [event for event in recorded(folder) if isinstance(event, Finished)][-1]
    assert record.spent_usd <= server.billed_usd + 1e-9
    if len(server.asked) > 40:
        assert "may have cost up to" in end.summary


@pytest.mark.slow
async def test_a_kill_while_all_is_in_flight_is_counted(
    workspace: Workspace, store: AsyncStore, paid_spec: Spec, server: MessagesServer
) -> None:
    server.choose = lambda number: Step("hold" if number < 2 else "good")
    manager = JobManager(workspace, store)
    record = await manager.start("generate", paid_spec)
    await asyncio.to_thread(server.wait_for_requests, 2)
    held = holder(JobFolder(workspace.inside(record.folder)).lock)
    assert held is not None
    psutil.Process(held.pid).kill()
    async for _ in manager.follow(record.id):
        pass
    await manager.resume(record.id)
    server.held.set()
    events = [item.event async for item in manager.follow(record.id)]
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.summary.startswith("12 of 12 examples")
    assert "2 requests were sent whose answer did not arrive" in end.summary
    # Told as the job goes on, and not only at its end.
    goes_on = next(n for n, e in enumerate(events) if isinstance(e, Started) and e.resumed)
    first = next(event for event in events[goes_on:] if isinstance(event, Traffic))
    assert (first.lost, first.lost_usd > 0) == (2, True)


async def test_offline_makes_what_stands_in_the_starter_data(
    workspace: Workspace, store: AsyncStore, order_job: OrderJob, drive: Drive
) -> None:
    spec = Spec(recipes=("turkish",), count=5)
    folder = await order_job(spec)
    events = await drive(folder)
    rows = [json.loads(line) for line in (workspace.starter / "turkish.jsonl").read_text().splitlines()]
    found = [
        Example.model_validate(e.document) for e in events if isinstance(e, Saved) and e.table == "examples"
    ]
    assert [[m.model_dump() for m in e.messages] for e in found] == [row["messages"] for row in rows[:5]]
    assert {(e.recipe, e.category, e.provenance.teacher, e.provenance.model) for e in found} == {
        ("turkish", "turkish", "offline", None)
    }
    assert all(unit.text == "" and unit.cost_usd is None for unit in events if isinstance(unit, Unit))


async def test_nothing_left_to_generate_is_said_and_leaves_no_folder(
    workspace: Workspace, store: AsyncStore
) -> None:
    manager = JobManager(workspace, store)
    spec = Spec(recipes=("self-reflection",))
    record = await manager.start("generate", spec)
    async for _ in manager.follow(record.id):
        pass
    await manager.ingest()
    with pytest.raises(JobError, match="Nothing is left to generate"):
        await manager.start("generate", spec)
    assert [folder.name for folder in workspace.jobs.iterdir()] == [record.id]


async def test_a_pause_and_a_stop_hold_the_offline_teacher(order_job: OrderJob, drive: Drive) -> None:
    folder = await order_job(Spec())
    folder.control.write_text("stop\n")
    end = (await drive(folder))[-1]
    assert isinstance(end, Finished)
    assert (end.state, end.result["examples"]) == ("stopped", 0)
    folder.control.unlink()
    assert isinstance((await drive(folder))[-1], Finished)


def test_the_order_is_for_its_owner_only(tmp_path: Path) -> None:
    Order(persona_name="J", phrases=(), glossary="", recipes=(), units=()).save(tmp_path)
    assert (tmp_path / ORDER_FILE).stat().st_mode & 0o077 == 0
