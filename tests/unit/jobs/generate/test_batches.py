"""Message Batches by the real SDK: submitted, left, collected; what brings nothing goes back, none is paid twice."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence

import pytest

from studio.jobs.events import Event, Failed, Finished, Log, Saved, Traffic, Unit
from studio.jobs.generate.order import Spec
from studio.jobs.generate.steering import read_steering, steer
from studio.jobs.generate.teachers.submitted import BATCHES_FILE, pending_units, read_batches
from studio.jobs.process.control import write_command
from studio.jobs.process.folder import JobFolder
from tests.fixtures.messages_server import MessagesServer, Step
from tests.unit.jobs.generate.conftest import Drive, OrderJob

pytestmark = pytest.mark.slow


@pytest.fixture
def spec(paid_spec: Spec) -> Spec:
    """The same 12 examples in 6 requests, as batches that are asked about often."""
    return paid_spec.model_copy(update={"batch": True, "poll_seconds": 0.01, "poll_most_seconds": 0.05})


def examples(events: Sequence[Event]) -> list[dict[str, object]]:
    return [e.document for e in events if isinstance(e, Saved) and e.table == "examples"]


def units(events: Sequence[Event]) -> list[Unit]:
    return [event for event in events if isinstance(event, Unit)]


def end_of(events: Sequence[Event]) -> Finished:
    end = events[-1]
    assert isinstance(end, Finished), end
    return end


async def test_a_batch_brings_what_was_ordered_at_half_the_price(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer
) -> None:
    server.batches.polls = 3
    events = await drive(await order_job(spec))
    assert len(examples(events)) == 12
    assert len(server.batches.made) == 1
    assert server.count == 0, "a batch is not asked for live"
    assert end_of(events).result["spent_usd"] == pytest.approx(server.billed_usd)
    request = server.batches.requests["msgbatch_0000"][0]
    assert request["custom_id"] in {unit.unit_id for unit in units(events)}
    assert request["params"]["output_config"]["format"]["type"] == "json_schema"
    assert request["params"]["system"][0]["cache_control"] == {"type": "ephemeral"}


async def test_one_may_leave_and_collect_another_day(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer
) -> None:
    server.batches.polls = 10**9
    folder = await order_job(spec)
    folder.control.write_text("stop\n")
    assert end_of(await drive(folder)).state == "stopped"
    assert server.batches.made == []
    folder.control.unlink()
    events = await _drive_and_stop(drive, folder, server)
    assert end_of(events).state == "stopped"
    assert "6 requests are with the server: resume the job to collect them" in end_of(events).summary
    assert any("stay with the server" in event.text for event in events if isinstance(event, Log))
    assert len(pending_units(folder.path)) == 6
    server.batches.polls = 1
    events = await drive(folder)
    assert end_of(events).state == "done"
    assert len(examples(events)) == 12
    assert len(server.batches.made) == 1
    assert end_of(events).result["spent_usd"] == pytest.approx(server.billed_usd)
    assert "may have cost" not in end_of(events).summary


async def _drive_and_stop(drive: Drive, folder: JobFolder, server: MessagesServer) -> list[Event]:
    task = asyncio.create_task(drive(folder))
    async with asyncio.timeout(30):
        while not server.batches.made or server.batches.made[-1]["polled"] < 2:
            await asyncio.sleep(0.01)
    write_command(folder.control, "stop")
    events = await task
    folder.control.unlink()
    return events


@pytest.mark.parametrize("kind", ["errored", "expired", "canceled"])
async def test_what_brought_nothing_goes_back_to_the_queue(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer, kind: str
) -> None:
    server.batches.choose = lambda _key, before: Step(kind if before == 0 else "good")
    events = await drive(await order_job(spec))
    assert len(examples(events)) == 12
    assert len(server.batches.made) == 2
    assert any("6 requests of msgbatch_0000 go back" in e.text for e in events if isinstance(e, Log))
    assert Counter(unit.unit_id for unit in units(events)).most_common(1)[0][1] == 1
    assert end_of(events).result["failed_units"] == 0


async def test_an_error_that_comes_again_is_a_failed_unit_with_its_reason(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer
) -> None:
    bad: set[str] = set()

    def choose(key: str, _before: int) -> Step:
        bad.add(key) if not bad else None
        return Step("invalid", text="messages: too long") if key in bad else Step()

    server.batches.choose = choose
    events = await drive(await order_job(spec))
    (failed,) = [unit for unit in units(events) if unit.state == "failed"]
    assert failed.unit_id in bad
    assert failed.reason == "the batch says: messages: too long"
    # Another one is asked for in its place.
    assert len(examples(events)) == 12


async def test_a_parameter_that_the_model_refuses_is_left_out_the_next_time(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer
) -> None:
    server.batches.choose = lambda _key, before: (
        Step("good") if before else Step("invalid", text="output_config: no")
    )
    events = await drive(await order_job(spec))
    assert len(examples(events)) == 12
    assert "output_config" not in server.batches.requests["msgbatch_0001"][0]["params"]


@pytest.mark.parametrize(("fault", "made"), [("cut create", 1), ("lost create", 1), ("429", 1)])
async def test_a_submission_whose_answer_is_lost_is_not_sent_twice(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer, fault: str, made: int
) -> None:
    server.batches.faults = [fault]
    events = await drive(await order_job(spec))
    assert len(server.batches.made) == made
    assert len(examples(events)) == 12
    assert end_of(events).result["spent_usd"] == pytest.approx(server.billed_usd)


async def test_results_that_are_cut_are_read_again(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer
) -> None:
    server.batches.faults = ["cut results"]
    events = await drive(await order_job(spec))
    assert len(units(events)) == 6
    assert len(examples(events)) == 12


async def test_a_batch_that_is_gone_counts_as_paid(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer
) -> None:
    server.batches.faults = ["gone"]
    events = await drive(await order_job(spec))
    assert len(examples(events)) == 12
    assert (
        "6 requests were sent whose answer did not arrive, and may have cost up to" in end_of(events).summary
    )


async def test_a_kill_between_sending_and_hearing_finds_the_batch_again(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer
) -> None:
    server.batches.polls = 10**9
    folder = await order_job(spec)
    await _drive_and_stop(drive, folder, server)
    file = folder.path / BATCHES_FILE
    # As if the answer with the id had never been written down.
    file.write_text(
        "".join(line for line in file.read_text().splitlines(keepends=True) if "msgbatch" not in line)
    )
    assert read_batches(folder.path)[0].id is None
    server.batches.polls = 1
    events = await drive(folder)
    assert any("was found at the server" in event.text for event in events if isinstance(event, Log))
    assert len(server.batches.made) == 1
    assert len(examples(events)) == 12


async def test_a_batch_that_never_arrived_is_sent_anew_and_costs_nothing(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer
) -> None:
    server.batches.polls = 10**9
    folder = await order_job(spec)
    await _drive_and_stop(drive, folder, server)
    file = folder.path / BATCHES_FILE
    file.write_text(
        "".join(line for line in file.read_text().splitlines(keepends=True) if "msgbatch" not in line)
    )
    server.batches.made.clear()
    server.batches.polls = 1
    events = await drive(folder)
    assert any("is sent anew" in event.text for event in events if isinstance(event, Log))
    assert len(examples(events)) == 12
    assert "may have cost" not in end_of(events).summary


async def test_a_cancelled_batch_is_collected_as_far_as_it_is_and_the_rest_stays_open(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer
) -> None:
    server.batches.polls = 10**9
    folder = await order_job(spec)
    task = asyncio.create_task(drive(folder))
    async with asyncio.timeout(30):
        while not server.batches.made:
            await asyncio.sleep(0.01)
    steer(folder.path, cancel=True)
    events = await task
    assert end_of(events).state == "stopped"
    assert examples(events) == []
    assert not read_steering(folder.path).cancel
    server.batches.polls = 1
    events = await drive(folder)
    assert len(examples(events)) == 12
    assert end_of(events).result["spent_usd"] == pytest.approx(server.billed_usd)


async def test_a_server_that_takes_its_time_to_cancel_is_not_asked_without_a_pause(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer
) -> None:
    server.batches.polls, server.batches.cancel_polls = 10**9, 6
    folder = await order_job(spec.model_copy(update={"poll_seconds": 0.2, "poll_most_seconds": 0.2}))
    task = asyncio.create_task(drive(folder))
    async with asyncio.timeout(30):
        while not server.batches.looked_at:
            await asyncio.sleep(0.01)
    steer(folder.path, cancel=True)
    assert end_of(await task).state == "stopped"
    looks = server.batches.looked_at[-6:]
    assert looks[-1] - looks[0] > 5 * 0.2 * 0.5


async def test_the_next_look_waits_as_long_as_the_server_asks_and_is_told(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer
) -> None:
    server.batches.polls, server.batches.retry_after = 2, "1.5"
    events = await drive(await order_job(spec))
    # Where its results are, the SDK asks once more.
    first, second, _ = server.batches.looked_at
    assert second - first > 1.0
    waiting = [event.waiting for event in events if isinstance(event, Traffic) and event.waiting]
    assert re.search(r"^6 requests in 1 batches .*looked at again at \d\d:\d\d:\d\d$", waiting[0])


async def test_batches_keep_within_the_budget_and_go_on_as_far_as_it_goes(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer
) -> None:
    events = await drive(await order_job(spec.model_copy(update={"count": 60, "budget_usd": 0.08})))
    assert end_of(events).result["at_cap"]
    assert len(server.batches.made) > 1, "what came home at less than its worst made room for more"
    assert 0.05 < server.billed_usd <= 0.08


async def test_refused_at_once_is_told_and_costs_nothing(
    order_job: OrderJob, drive: Drive, spec: Spec, server: MessagesServer
) -> None:
    server.stop()
    end = (await drive(await order_job(spec)))[-1]
    assert isinstance(end, Failed)
    assert "cannot be reached" in end.what
