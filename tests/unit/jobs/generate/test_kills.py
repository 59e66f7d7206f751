"""SIGKILL at random moments: nothing acknowledged is lost, nothing is paid twice but what was in flight."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import psutil
import pytest

from store.live import AsyncStore
from studio.jobs.events import Finished, Recorded, Saved, Unit
from studio.jobs.generate.budget import Budget
from studio.jobs.generate.order import Order, Spec
from studio.jobs.manager import JobManager
from studio.jobs.process.folder import JobFolder
from studio.jobs.process.lock import holder
from studio.workspace import Workspace
from tests.fixtures.messages_server import MessagesServer

pytestmark = pytest.mark.usefixtures("no_process_left")

CONCURRENCY = 4


def acknowledged(folder: JobFolder) -> tuple[list[str], list[str]]:
    """Return the units that have an answer and the examples that were saved, as they stand in whole lines."""
    units, examples = [], []
    for line in folder.events.read_bytes().split(b"\n")[:-1]:
        event = Recorded.model_validate_json(line).event
        if isinstance(event, Unit):
            units.append(event.unit_id)
        elif isinstance(event, Saved) and event.table == "examples":
            examples.append(str(event.document["id"]))
    return units, examples


async def random_moment(folder: JobFolder, pick: random.Random) -> None:
    """Wait for a moment while the process starts, or, however slow the machine is, while it is at full speed."""
    if pick.random() < 0.3:
        await asyncio.sleep(pick.uniform(0.0, 3.0))
        return
    written = folder.events.stat().st_size + pick.randrange(1, 20_000)
    async with asyncio.timeout(120):
        while folder.events.stat().st_size < written and holder(folder.lock) is not None:
            await asyncio.sleep(0.01)
    await asyncio.sleep(pick.uniform(0.0, 0.1))


async def killed(
    kills: int, workspace: Workspace, store: AsyncStore, spec: Spec, server: MessagesServer
) -> None:
    pick = random.Random(kills)
    server.latency = 0.05
    manager = JobManager(workspace, store)
    record = await manager.start("generate", spec)
    folder = JobFolder(workspace.inside(record.folder))
    total = len(Order.load(folder.path).units)
    known: set[str] = set()
    done = 0
    for _ in range(kills):
        await random_moment(folder, pick)
        held = holder(folder.lock)
        if held is not None:
            psutil.Process(held.pid).kill()
            done += 1
        async with asyncio.timeout(120):
            while holder(folder.lock) is not None:
                await asyncio.sleep(0.01)
        units, examples = acknowledged(folder)
        assert len(units) == len(set(units))
        assert len(examples) == len(set(examples))
        assert known <= set(examples), "an acknowledged example was lost"
        known = set(examples)
        await manager.ingest()
        assert known <= set(await store.run(lambda database: database.examples.ids()))
        if (await manager.record(record.id)).state == "done":
            break
        await manager.resume(record.id)
    async for _ in manager.follow(record.id):
        pass
    await manager.ingest()
    assert (await manager.record(record.id)).state == "done"
    assert done > kills / 2, "it was ready too soon"
    units, examples = acknowledged(folder)
    assert len(set(units)) == len(units) >= total
    made = await store.run(lambda database: database.examples.find())
    assert len(made) == len(examples) == spec.count
    assert Counter(example.slot for example in made) == {"rust": len(made) / 2, "python": len(made) / 2}
    # What was in flight at a kill is paid twice at most; the books know how many that were, and what they may cost.
    paid = Counter(units)
    lost = Budget(folder.path, None, spent=lambda: 0.0, answered=paid.elements()).lost
    assert server.count - len(units) <= lost <= done * CONCURRENCY
    ends = [e for e in _events(folder) if isinstance(e, Finished)]
    assert ends[-1].result["spent_usd"] <= server.billed_usd + 1e-9
    assert (f"{lost} requests were sent whose answer did not arrive" in ends[-1].summary) is (lost > 0)
    assert server.billed_usd <= (spec.budget_usd or 0)


def _events(folder: JobFolder) -> list[object]:
    return [Recorded.model_validate_json(line).event for line in folder.events.read_bytes().split(b"\n")[:-1]]


@pytest.fixture
def spec(paid_spec: Spec) -> Spec:
    return paid_spec.model_copy(update={"concurrency": CONCURRENCY, "budget_usd": 60.0, "max_tokens": 512})


@pytest.mark.slow
async def test_twenty_kills(
    workspace: Workspace, store: AsyncStore, spec: Spec, server: MessagesServer
) -> None:
    await killed(20, workspace, store, spec.model_copy(update={"count": 1_200}), server)


@pytest.mark.e2e
@pytest.mark.timeout(3_600)
async def test_two_hundred_kills(
    workspace: Workspace, store: AsyncStore, spec: Spec, server: MessagesServer
) -> None:
    await killed(200, workspace, store, spec.model_copy(update={"count": 4_000, "budget_usd": 200.0}), server)
