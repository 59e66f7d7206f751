"""The teacher behind the Messages API, with the real SDK, against a server that has every fault."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence

import pytest

from studio.jobs.events import Event, Failed, Finished, Log, Paused, Saved, Unit
from studio.jobs.generate.order import Spec
from studio.jobs.process.control import write_command
from tests.fixtures.messages_server import MessagesServer, Step, example, steps
from tests.unit.jobs.generate.conftest import Drive, OrderJob


def examples(events: Sequence[Event]) -> list[dict[str, object]]:
    return [e.document for e in events if isinstance(e, Saved) and e.table == "examples"]


def units(events: Sequence[Event]) -> list[Unit]:
    return [event for event in events if isinstance(event, Unit)]


def warnings(events: Sequence[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Log)]


async def test_a_good_server_gives_what_was_ordered(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    events = await drive(await order_job(paid_spec))
    assert len(examples(events)) == 12
    assert len(server.asked) == 6
    assert server.most_in_flight <= 2
    end = events[-1]
    assert isinstance(end, Finished)
    assert (end.state, end.result["examples"], end.result["failed_units"]) == ("done", 12, 0)
    # The price is counted to the cent, cache included, and shared among the examples of a request.
    assert end.result["spent_usd"] == pytest.approx(server.billed_usd)
    assert sum(e["provenance"]["cost_usd"] for e in examples(events)) == pytest.approx(server.billed_usd)  # type: ignore[index]
    first = examples(events)[0]["provenance"]
    assert first["teacher"] == "anthropic"  # type: ignore[index]
    assert first["request_id"].startswith("msg_")  # type: ignore[index]


async def test_the_request_is_what_the_recipe_says(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    await drive(await order_job(paid_spec.model_copy(update={"concurrency": 1})))
    asked = server.asked[1]
    assert any(value.endswith("sk-test") for value in asked.headers.values())
    assert asked.body["model"] == "claude-sonnet-5-5"
    assert asked.body["max_tokens"] == 512
    assert "owl pattern" in asked.body["system"][0]["text"].casefold()
    assert asked.body["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert asked.body["output_config"]["format"]["type"] == "json_schema"
    assert "Write 2 about a Rust function in English." in asked.prompt
    # What the first request brought is told to the second, so that it asks something else.
    assert "- What does the owl do first in case 0.0?" in asked.prompt
    assert "case 0.0" not in server.asked[0].prompt
    assert {a.body["system"][0]["text"] for a in server.asked} == {asked.body["system"][0]["text"]}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("429", "answered 429"),
        ("529", "answered 529"),
        ("500", "answered 500"),
        ("408", "answered 408"),
        ("cut json", "cut off"),
        ("cut body", "cut"),
        ("cut connection", "cut"),
        ("not the api", "not of the Messages API"),
        ("html", "not of the Messages API"),
    ],
)
async def test_what_passes_is_waited_out_and_shown(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer, kind: str, said: str
) -> None:
    server.script = steps([kind, kind])
    events = await drive(await order_job(paid_spec))
    assert len(examples(events)) == 12
    assert len(server.asked) == 8
    assert [said in text and "asking again" in text for text in warnings(events)] == [True, True]


async def test_a_server_says_how_long_to_wait(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.script = [Step("status", 429, retry_after="0.4")]
    before = asyncio.get_running_loop().time()
    events = await drive(await order_job(paid_spec.model_copy(update={"concurrency": 1})))
    assert asyncio.get_running_loop().time() - before >= 0.4
    assert "asking again in 0.4 s" in warnings(events)[0]


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (Step("refusal", text="I can't help with that."), "the teacher refused"),
        (Step("max_tokens", text='{"examples": [{"messages": [{"role"'), "cut off at max_tokens"),
        (Step("text", text="Sure! Here are some ideas."), "prose without JSON"),
        (Step("text", text='{"examples": [{"messages": "[/red]"}]}'), "no example"),
        (Step("text", text="[" * 3_000), "not JSON"),
        (Step("text", text="x" * 1_000_000), "1,000,000 characters"),
        (Step("text", text=" "), "empty"),
    ],
)
async def test_a_reply_without_examples_is_a_failed_unit_with_its_text(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer, step: Step, reason: str
) -> None:
    server.script = [step]
    folder = await order_job(paid_spec)
    events = await drive(folder)
    (failed,) = [unit for unit in units(events) if unit.state == "failed"]
    assert reason in failed.reason
    assert failed.text == step.text
    assert failed.cost_usd is not None
    assert failed.cost_usd > 0
    # What it did not bring is asked for in its place.
    assert len(examples(events)) == 12
    end = events[-1]
    assert isinstance(end, Finished)
    assert (end.state, end.result["failed_units"]) == ("done", 1)
    assert len(server.asked) == 7
    # All is paid for: going on with the same job does not ask, and pay, again.
    await drive(folder)
    assert len(server.asked) == 7


async def test_thinking_is_not_the_text(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.script = steps(["thinking"] * 6)
    events = await drive(await order_job(paid_spec))
    assert len(examples(events)) == 12
    assert all("thinking" not in unit.text for unit in units(events))


async def test_hostile_text_is_kept_as_text(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    nasty = 'x [/red] \x1b]0;title\x07 \u202e \x00 \ud800 "'
    pair = [{"role": "user", "content": "q"}, {"role": "assistant", "content": nasty}]
    server.script = [
        # As an escape inside the reply's own JSON, and raw in the reply.
        Step("text", text=json.dumps({"examples": [{"messages": pair}, example("fine")]})),
        Step("text", text="\ud800" + json.dumps({"examples": [example("raw")]})),
    ]
    events = await drive(await order_job(paid_spec))
    assert all(unit.state == "done" for unit in units(events))
    assert len(examples(events)) == 12
    kept = [message["content"] for e in examples(events) for message in e["messages"]]  # type: ignore[attr-defined]
    assert nasty.replace("\ud800", "\ufffd") in kept


async def test_more_than_was_ordered_does_not_upset_the_spread(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.script = [Step("text", text=json.dumps({"examples": [example(str(n)) for n in range(9)]}))]
    events = await drive(await order_job(paid_spec))
    assert Counter(e["slot"] for e in examples(events)) == {"rust": 6, "python": 6}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
async def test_what_asking_again_cannot_help_ends_the_job_at_once(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer, status: int
) -> None:
    server.choose = lambda number: Step("status", status) if number else Step()
    folder = await order_job(paid_spec.model_copy(update={"concurrency": 1}))
    events = await drive(folder)
    end = events[-1]
    assert isinstance(end, Failed)
    assert f"refused ({status})" in end.what
    assert f"status {status} it is" in end.what
    assert "sk-test" not in folder.events.read_text()
    assert len(server.asked) == 2
    assert len(examples(events)) == 2
    server.choose = None
    assert len(examples(await drive(folder))) == 10


async def test_one_that_ends_the_job_lets_the_others_come_home(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.choose = lambda number: Step("status", 401) if number == 3 else Step("hold")
    task = asyncio.create_task(drive(await order_job(paid_spec.model_copy(update={"concurrency": 4}))))
    await asyncio.to_thread(server.wait_for_requests, 4)
    server.held.set()
    events = await task
    assert isinstance(events[-1], Failed)
    assert len(units(events)) >= 3
    assert len(units(events)) == len(server.asked) - 1


async def test_a_server_that_never_answers_ends_the_job_and_a_resume_goes_on(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.choose = lambda _: Step("status", 529)
    folder = await order_job(paid_spec.model_copy(update={"concurrency": 1}))
    end = (await drive(folder))[-1]
    assert isinstance(end, Failed)
    assert "in 6 attempts: the server answered 529" in end.what
    assert len(server.asked) == 6
    server.choose = None
    assert len(examples(await drive(folder))) == 12


async def test_a_server_that_is_not_there_costs_nothing(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    folder = await order_job(paid_spec.model_copy(update={"budget_usd": 1.0}))
    server.stop()
    end = (await drive(folder))[-1]
    assert isinstance(end, Failed)
    assert "cannot be reached" in end.what
    assert not any("may have cost" in text for text in warnings(await drive(folder)))


async def test_a_pause_lets_what_is_paid_come_home(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.choose = lambda number: Step("hold" if number < 2 else "good")
    folder = await order_job(paid_spec)
    task = asyncio.create_task(drive(folder))
    await asyncio.to_thread(server.wait_for_requests, 2)
    write_command(folder.control, "pause")
    server.held.set()
    async with asyncio.timeout(30):
        while '"type":"paused"' not in folder.events.read_text():
            await asyncio.sleep(0.01)
    assert folder.events.read_text().count('"type":"unit"') == 2
    assert len(server.asked) == 2
    write_command(folder.control, "resume")
    events = await task
    assert any(isinstance(event, Paused) for event in events)
    assert len(examples(events)) == 12
    assert len(server.asked) == 6


@pytest.mark.parametrize("command", ["stop", "stop_and_save"])
async def test_a_stop_lets_what_is_paid_come_home_too(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer, command: str
) -> None:
    server.choose = lambda number: Step("hold" if number < 2 else "good")
    folder = await order_job(paid_spec)
    task = asyncio.create_task(drive(folder))
    await asyncio.to_thread(server.wait_for_requests, 2)
    write_command(folder.control, command)  # type: ignore[arg-type]
    server.held.set()
    end = (events := await task)[-1]
    assert isinstance(end, Finished)
    assert end.state == "stopped"
    assert len(units(events)) == len(server.asked) == 2
    folder.control.unlink()
    assert len(examples(await drive(folder))) == 8


async def test_a_stop_does_not_wait_for_the_next_attempt(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.choose = lambda _: Step("status", 429, retry_after="500")
    folder = await order_job(paid_spec)
    task = asyncio.create_task(drive(folder))
    await asyncio.to_thread(server.wait_for_requests, 2)
    write_command(folder.control, "stop")
    async with asyncio.timeout(20):
        end = (await task)[-1]
    assert isinstance(end, Finished)
    assert end.state == "stopped"
    assert len(server.asked) == 2
