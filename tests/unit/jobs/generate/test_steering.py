"""A person steers a job: asked again, other pace, other order, while it runs or before it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from studio.jobs.events import Event, Finished, Unit
from studio.jobs.generate.order import Order, Spec
from studio.jobs.generate.steering import STEERING_FILE, read_steering, steer
from studio.jobs.process.folder import JobFolder
from tests.fixtures.messages_server import MessagesServer, Step
from tests.unit.jobs.generate.conftest import Drive, OrderJob


def end_of(events: Sequence[Event]) -> Finished:
    end = events[-1]
    assert isinstance(end, Finished), end
    return end


def _events(folder: JobFolder) -> str:
    return folder.events.read_text() if folder.events.exists() else ""


async def test_an_exhausted_slot_is_asked_again_when_a_person_wishes(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.choose = lambda n: Step("text", text="no") if "Rust" in server.asked[n].prompt else Step()
    folder = await order_job(paid_spec)
    events = await drive(folder)
    assert end_of(events).result["exhausted"] == ["tiny/rust"]
    assert end_of(events).result["examples"] == 6
    server.choose = None
    # The job has ended; here it goes on as one that was killed just before its end.
    lines = folder.events.read_text().splitlines(keepends=True)
    folder.events.write_text("".join(lines[:-1]))
    steer(folder.path, again=("tiny/rust",))
    events = await drive(folder)
    assert end_of(events).result["examples"] == 12
    assert end_of(events).result["exhausted"] == []


async def test_it_is_asked_again_while_the_job_runs(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    python: list[int] = []

    def choose(number: int) -> Step:
        if "Rust" in server.asked[number].prompt and not server.held.is_set():
            return Step("text", text="no")
        python.append(number)
        return Step("hold")

    server.choose = choose
    folder = await order_job(paid_spec.model_copy(update={"concurrency": 4}))
    task = asyncio.create_task(drive(folder))
    async with asyncio.timeout(60):
        while "is exhausted" not in _events(folder):
            await asyncio.sleep(0.01)
    assert python
    steer(folder.path, again=("*",))
    server.held.set()
    events = await task
    assert end_of(events).result["examples"] == 12


async def test_a_failure_in_the_middle_is_asked_again_next_when_a_person_wishes(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.choose = lambda n: Step("text", text="no") if n == 0 else Step("hold" if n == 1 else "good")
    folder = await order_job(paid_spec.model_copy(update={"concurrency": 1}))
    task = asyncio.create_task(drive(folder))
    await asyncio.to_thread(server.wait_for_requests, 2)
    steer(folder.path, again=("tiny/rust", "tiny/gone"))
    server.held.set()
    assert end_of(await task).result["examples"] == 12
    # By itself it would come last, behind those about Python.
    assert ["Rust" in asked.prompt for asked in server.asked] == [True] * 4 + [False] * 3


async def test_what_is_in_flight_is_not_asked_beside_that_when_its_slot_is_asked_again(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.choose = lambda n: Step("text", text="no") if n < 4 else Step("hold")
    spec = paid_spec.model_copy(update={"slots": ("tiny/rust",), "count": 60, "concurrency": 8})
    folder = await order_job(spec)
    task = asyncio.create_task(drive(folder))
    async with asyncio.timeout(60):
        while "is exhausted" not in _events(folder):
            await asyncio.sleep(0.01)
    assert len(server.asked) > 4
    asked = len(server.asked)
    steer(folder.path, again=("tiny/rust",))
    async with asyncio.timeout(60):
        while len(server.asked) == asked:
            await asyncio.sleep(0.01)
    server.held.set()
    events = await task
    assert end_of(events).result["examples"] == 30
    units = [event.unit_id for event in events if isinstance(event, Unit)]
    assert len(units) == len(set(units)) == len(server.asked)


async def test_another_order_and_pace_while_it_runs(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.choose = lambda n: Step("hold" if n < 1 else "good")
    spec = paid_spec.model_copy(update={"recipes": ("tiny", "edge-cases"), "count": 8, "concurrency": 1})
    folder = await order_job(spec)
    task = asyncio.create_task(drive(folder))
    await asyncio.to_thread(server.wait_for_requests, 1)
    steer(folder.path, recipes=("edge-cases",), concurrency=3)
    server.latency = 0.1
    server.held.set()
    await task
    order = Order.load(folder.path)
    recipes = {unit.recipe for unit in order.units}
    assert recipes == {"tiny", "edge-cases"}
    assert "tiny" not in server.asked[1].prompt
    edge = [
        number for number, asked in enumerate(server.asked) if "edge case" in asked.body["system"][0]["text"]
    ]
    assert edge[0] == 1
    assert server.most_in_flight > 1


def test_a_damaged_wish_is_none(tmp_path: Path) -> None:
    folder = tmp_path
    (folder / STEERING_FILE).write_text("{broken")
    assert read_steering(folder).concurrency is None
    assert steer(folder, concurrency=3).concurrency == 3
    assert steer(folder, again=("a/b",)).again_number == 1
    assert steer(folder, again=("a/b",)).again_number == 2
    assert read_steering(folder).concurrency == 3
