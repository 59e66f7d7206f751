"""Two thousand units against a server with every fault: each ends done or failed with a reason, and the cap holds."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from store.models import Example
from studio.jobs.events import Event, Failed, Finished, Log, Recorded, Saved, Traffic, Unit
from studio.jobs.generate.order import Order, Spec
from studio.jobs.process.control import write_command
from studio.workspace import Workspace
from tests.fixtures.hostile import KNOWN
from tests.fixtures.messages_server import MessagesServer, RateLimit, Step
from tests.unit.jobs.generate.conftest import Drive, OrderJob

FAULTS = (
    *("good",) * 60,
    *("429", "529", "500", "503", "408"),
    *("cut json", "cut body", "cut connection", "html", "not the api"),
    *("refusal", "max_tokens", "thinking"),
    *("prose", "nested", "empty", "hostile"),
)
TEXTS = {
    "prose": "Sure! Here is one.",
    "nested": "[" * 3_000,
    "empty": " ",
    "hostile": json.dumps({"examples": [{"messages": [
        {"role": "user", "content": "[/red] \x1b]0;t\x07 \u202e"},
        {"role": "assistant", "content": "It is\x00 [bold]plain\ud800 text"}]}]}),
}  # fmt: skip


def units(events: Sequence[Event]) -> list[Unit]:
    return [event for event in events if isinstance(event, Unit)]


def step(kind: str) -> Step:
    if kind.isdigit():
        return Step("status", int(kind), retry_after="0.01" if kind == "429" else None)
    return Step("text", text=TEXTS[kind]) if kind in TEXTS else Step(kind)


@pytest.mark.parametrize(
    "count", [pytest.param(300, marks=pytest.mark.slow), pytest.param(2_000, marks=pytest.mark.e2e)]
)
async def test_many_units_all_end_and_the_cap_holds(
    workspace: Workspace,
    order_job: OrderJob,
    drive: Drive,
    paid_spec: Spec,
    server: MessagesServer,
    count: int,
) -> None:
    file = workspace.recipes / "tiny.toml"
    file.write_text(file.read_text().replace("examples_per_request = 2", "examples_per_request = 1"))
    pick = random.Random(5)
    server.choose = lambda _: step(pick.choice(FAULTS))
    server.keep = False
    spec = paid_spec.model_copy(update={"count": count, "concurrency": 16, "budget_usd": 60.0})
    folder = await order_job(spec)
    assert len(Order.load(folder.path).units) == count
    events = await drive(folder)
    end = events[-1]
    assert isinstance(end, Finished), end
    answers = units(events)
    assert len(answers) >= count
    assert Counter(unit.unit_id for unit in answers).most_common(1)[0][1] == 1
    assert {unit.id for unit in Order.load(folder.path).units} <= {unit.unit_id for unit in answers}
    assert all(bool(unit.reason) is (unit.state == "failed") for unit in answers)
    assert len({unit.reason.split(":")[0][:20] for unit in answers if unit.reason}) >= 5
    assert end.state == "done"
    assert end.result["examples"] == count
    assert server.billed_usd <= 60.0
    committed = [event.committed_usd for event in events if isinstance(event, Traffic)]
    assert max(committed) <= 60.0


async def test_an_outage_is_waited_for_said_and_gone_on_from(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    """The server answers, goes away for more attempts than a unit has, and comes back."""
    away = range(2, 20)
    server.choose = lambda number: Step("status", 529) if number in away else Step()
    events = await drive(await order_job(paid_spec.model_copy(update={"backoff_seconds": 0.001})))
    end = events[-1]
    assert isinstance(end, Finished)
    assert (end.result["examples"], end.result["failed_units"]) == (12, 0)
    said = [event.text for event in events if isinstance(event, Log)]
    assert any("waiting until it is back" in text for text in said)
    assert len(said) <= 2 * 8, "an outage is not told at each attempt"


async def test_a_network_that_goes_away_is_waited_for(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    """The server is there, then nothing listens at its address any more, then it is back."""
    server.choose = lambda number: Step() if number < 3 else Step("cut connection")
    folder = await order_job(paid_spec.model_copy(update={"concurrency": 1}))
    task = asyncio.create_task(drive(folder))
    await asyncio.to_thread(server.wait_for_requests, 4)
    port = server.port
    await asyncio.to_thread(server.stop)
    async with asyncio.timeout(60):
        while "cannot be reached" not in folder.events.read_text():
            await asyncio.sleep(0.01)
    server.choose = None
    server.start(port)
    events = await task
    end = events[-1]
    assert isinstance(end, Finished)
    assert (end.state, end.result["examples"], end.result["failed_units"]) == ("done", 12, 0)


async def test_patience_ends(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.choose = lambda number: Step("status", 503) if number else Step()
    spec = paid_spec.model_copy(update={"patience_seconds": 0.3, "backoff_seconds": 0.01, "concurrency": 1})
    end = (await drive(await order_job(spec)))[-1]
    assert isinstance(end, Failed)
    assert "did not answer" in end.what


async def test_a_unit_that_alone_gets_no_answer_fails_and_the_others_go_on(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    poison: list[str] = []

    def choose(number: int) -> Step:
        prompt = server.asked[number].prompt
        if "Rust" not in prompt:
            return Step()
        poison.append(prompt)
        return Step("status", 500) if len(poison) <= 6 else Step()

    server.choose = choose
    spec = paid_spec.model_copy(update={"backoff_seconds": 0.05, "concurrency": 2, "count": 40})
    events = await drive(await order_job(spec))
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.result["examples"] == 40


async def test_a_proxy_that_cuts_every_reply_is_not_paid_without_end(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.choose = lambda number: Step("cut body") if number else Step()
    spec = paid_spec.model_copy(update={"backoff_seconds": 0.001, "concurrency": 1, "count": 200})
    end = (await drive(await order_job(spec)))[-1]
    assert isinstance(end, Failed)
    assert len(server.asked) <= 20


async def test_stated_limits_are_followed_without_a_refusal(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.limit = RateLimit(1_200, 40)
    server.latency = 0.3
    events = await drive(await order_job(paid_spec.model_copy(update={"count": 160, "concurrency": None})))
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.result["examples"] == 160
    assert server.limit.refused == 0
    assert 4 < server.most_in_flight < 40
    stated = {event.requests_limit for event in events if isinstance(event, Traffic)}
    assert stated & {1_200}


async def test_sampling_parameters_that_a_model_refuses_are_left_out(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer, workspace: Workspace
) -> None:
    file = workspace.recipes / "tiny.toml"
    file.write_text(
        f'{file.read_text()}\n[teacher]\ntemperature = 0.9\nmodel = "claude-haiku-5-5"\nmax_tokens = 300\n'
    )
    server.refuses = ("temperature",)
    events = await drive(await order_job(paid_spec))
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.result["examples"] == 12
    assert {asked.body["model"] for asked in server.asked} == {"claude-haiku-5-5"}
    assert {asked.body["max_tokens"] for asked in server.asked} == {300}
    with_it = [asked for asked in server.asked if "temperature" in asked.body]
    assert 1 <= len(with_it) <= 2, "only those that were on their way before the first refusal"
    # The order's own model goes before the recipe's.
    server.asked.clear()
    await drive(await order_job(paid_spec.model_copy(update={"model": "claude-opus-5-5", "more": 2})))
    assert {asked.body["model"] for asked in server.asked} == {"claude-opus-5-5"}


@pytest.mark.slow
async def test_hostile_text_in_every_field_is_kept_as_text(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    texts: list[str] = []
    for nasty in KNOWN:
        turns = [{"role": "user", "content": nasty}, {"role": "assistant", "content": f"It is {nasty} here."}]
        strange = [{"role": nasty, "content": nasty}]
        texts += [
            json.dumps({"examples": [{"messages": turns}], nasty: nasty}),
            nasty,
            json.dumps({"examples": [{"messages": strange}, {"question": nasty, "answer": nasty}]}),
        ]
    # Good ones between them, or their slots would be exhausted before all have come.
    server.script = [one for text in texts for one in (Step("text", text=text), Step(), Step("thinking"))]
    folder = await order_job(paid_spec.model_copy(update={"count": 900, "concurrency": 8}))
    events = await drive(folder)
    end = events[-1]
    assert isinstance(end, Finished), end
    assert len(units(events)) >= len(texts) * 3
    assert end.result["examples"] == 900
    for line in folder.events.read_bytes().split(b"\n")[:-1]:
        event = Recorded.model_validate_json(line).event
        if isinstance(event, Saved) and event.table == "examples":
            Example.model_validate(event.document)
    # What was kept is known to a job that goes on.
    lines = folder.events.read_bytes().split(b"\n")
    folder.events.write_bytes(b"\n".join(lines[:-2]) + b"\n")
    before = server.count
    assert isinstance((await drive(folder))[-1], Finished)
    assert server.count == before


async def test_an_error_message_of_a_server_is_only_text(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.choose = lambda _: Step("status", 400, text="[/red] \x1b[31m \ud800 \x00" + "x" * 100_000)
    end = (await drive(await order_job(paid_spec)))[-1]
    assert isinstance(end, Failed)
    assert "refused (400)" in end.what


async def test_a_pause_in_an_outage_holds_at_once(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.choose = lambda number: Step("status", 529, retry_after="300") if 1 <= number <= 4 else Step()
    folder = await order_job(paid_spec)
    task = asyncio.create_task(drive(folder))
    await asyncio.to_thread(server.wait_for_requests, 2)
    write_command(folder.control, "pause")
    async with asyncio.timeout(30):
        while '"type":"paused"' not in folder.events.read_text():
            await asyncio.sleep(0.01)
    write_command(folder.control, "stop")
    end = (await task)[-1]
    assert isinstance(end, Finished)
    assert end.state == "stopped"
