"""Replies from Ollama: a real server, and one that replays faults."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any

import pytest

from store.live import AsyncStore
from store.models import Deployment, Message
from studio.config.persona import load_persona
from studio.jobs.chat.job import Spec, reply, run
from studio.jobs.events import Event, JobError, Replied, Stage, Token
from studio.workspace import Workspace
from tests.fixtures.ollama import OllamaServer, free_port
from tests.fixtures.replayer import CUT, GATE, HANG, last, piece, replaying


def spec(host: str, model: str = "replayed", question: str = "Merhaba!", **more: Any) -> Spec:
    return Spec(model=model, messages=(Message(role="user", content=question),), host=host, **more)


async def collect(events: Any) -> list[Event]:
    return [event async for event in events]


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


async def failing(asked: Spec, workspace: Workspace, store: AsyncStore) -> tuple[list[Event], JobError]:
    heard: list[Event] = []
    with pytest.raises(JobError) as raised:
        async for event in run(asked, workspace, store):
            heard.append(event)
    return heard, raised.value


async def test_tokens_come_as_they_are_said_and_the_figures_are_the_servers(
    workspace: Workspace, store: AsyncStore
) -> None:
    async with replaying(piece("Mer"), piece("haba "), piece("👋"), last(tokens=4, seconds=0.1)) as server:
        events = await collect(run(spec(server.host), workspace, store))

    assert [event.text for event in events if isinstance(event, Token)] == ["Mer", "haba ", "👋"]
    done = events[-1]
    assert isinstance(done, Replied)
    assert (done.text, done.tokens, done.cancelled) == ("Merhaba 👋", 4, False)
    assert done.tokens_per_second == pytest.approx(40)
    assert done.first_token_seconds is not None
    assert not any(isinstance(event, Stage) for event in events)


async def test_what_a_model_thinks_is_no_part_of_its_reply(workspace: Workspace, store: AsyncStore) -> None:
    script = (piece(thinking="hm, "), piece(thinking="tea?"), piece("Çay."), last(tokens=9, seconds=1))
    async with replaying(*script) as server:
        events = await collect(run(spec(server.host), workspace, store))

    assert text_of(events) == "Çay."
    assert [event for event in events if isinstance(event, Stage)] == [
        Stage(name="thinking", state="running"),
        Stage(name="thinking", state="done", detail="hm, tea?"),
    ]


async def test_loading_a_model_is_shown(workspace: Workspace, store: AsyncStore) -> None:
    events: list[Event] = []
    async with replaying(GATE, piece("a"), last(tokens=1, seconds=1), loaded=()) as server:
        async for event in run(spec(server.host), workspace, store):
            events.append(event)
            server.gate.set()

    assert [(event.name, event.state) for event in events if isinstance(event, Stage)] == [
        ("load", "running"),
        ("load", "done"),
    ]


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (
            {"error": "llama runner process has terminated"},
            "Ollama says: llama runner process has terminated",
        ),
        (CUT, "in the middle of the reply"),
        ("<html>502</html>", "no JSON"),
    ],
)
async def test_a_fault_in_the_middle_keeps_what_came(
    workspace: Workspace, store: AsyncStore, end: Any, says: str
) -> None:
    async with replaying(piece("half "), piece("a reply"), end) as server:
        heard, error = await failing(spec(server.host), workspace, store)

    assert text_of(heard) == "half a reply"
    assert says in error.what
    assert error.kept == "What came so far is kept."


async def test_a_reply_without_its_end_is_not_taken_for_whole(
    workspace: Workspace, store: AsyncStore
) -> None:
    async with replaying(piece("half")) as server:
        heard, error = await failing(spec(server.host), workspace, store)

    assert not any(isinstance(event, Replied) for event in heard)
    assert "broke off" in error.what


async def test_a_server_that_hangs_is_given_up_and_left(workspace: Workspace, store: AsyncStore) -> None:
    async with replaying(piece("so"), HANG) as server:
        heard, error = await failing(spec(server.host, silence_seconds=0.2), workspace, store)
        await asyncio.wait_for(server.left.wait(), 5)

    assert text_of(heard) == "so"
    assert "has said nothing for" in error.what


async def test_a_server_that_never_begins_is_given_up_after_the_longer_wait(
    workspace: Workspace, store: AsyncStore
) -> None:
    async with replaying(HANG) as server:
        asked = spec(server.host, first_token_seconds=0.2, silence_seconds=0.01)
        _, error = await failing(asked, workspace, store)

    assert error.kept == "Your question is kept."


async def test_a_stop_ends_a_hanging_reply_within_a_tenth_of_a_second(
    workspace: Workspace, store: AsyncStore
) -> None:
    stop = asyncio.Event()
    events: list[Event] = []
    async with replaying(piece("so "), piece("far"), HANG) as server:
        async for event in reply(spec(server.host), workspace, store, stop):
            events.append(event)
            if isinstance(event, Token) and event.text == "far":
                asked_at = time.monotonic()
                asyncio.get_running_loop().call_later(0.05, stop.set)
        took = time.monotonic() - asked_at - 0.05
        await asyncio.wait_for(server.left.wait(), 5)

    done = events[-1]
    assert isinstance(done, Replied)
    assert (done.text, done.cancelled) == ("so far", True)
    assert took < 0.1


async def test_closing_the_stream_leaves_the_server(workspace: Workspace, store: AsyncStore) -> None:
    async with replaying(piece("so"), HANG) as server:
        async with aclosing(run(spec(server.host), workspace, store)) as events:
            async for _ in events:
                break
        await asyncio.wait_for(server.left.wait(), 5)


@pytest.mark.parametrize(
    ("status", "error", "what", "to_do"),
    [
        (404, "model 'replayed' not found", "Ollama has no model replayed", "ollama list"),
        (
            500,
            "model requires more system memory (9 GiB) than is available",
            "more system memory",
            "ollama ps",
        ),
    ],
)
async def test_a_refusal_says_what_to_do(
    workspace: Workspace, store: AsyncStore, status: int, error: str, what: str, to_do: str
) -> None:
    async with replaying({"error": error}, status=status) as server:
        _, raised = await failing(spec(server.host), workspace, store)

    assert what in raised.what
    assert to_do in raised.to_do


async def test_without_a_server_the_way_to_start_one_and_the_way_without_are_said(
    workspace: Workspace, store: AsyncStore
) -> None:
    _, error = await failing(spec(f"http://127.0.0.1:{free_port()}"), workspace, store)

    assert "does not answer" in error.what
    assert "ollama serve" in error.to_do
    assert "without a server" in error.to_do


async def test_a_deployed_model_speaks_with_what_it_carries_and_others_with_the_persona(
    workspace: Workspace, store: AsyncStore
) -> None:
    deployment = Deployment(tag="jessy:demo-1-f16", checkpoint_id="c", run_id="r")
    await store.write(lambda writer: writer.deployments.put(deployment))
    persona = load_persona(workspace.persona_file)
    loaded = ("jessy:demo-1-f16", "jessy:latest", "replayed")
    async with replaying(piece("a"), last(tokens=1, seconds=1), loaded=loaded) as server:
        for model in loaded:
            await collect(run(spec(server.host, model), workspace, store))
        await collect(run(spec(server.host, system="", max_tokens=7), workspace, store))

    by_version, by_name, foreign, without = server.asked
    for request in (by_version, by_name):
        assert [message["role"] for message in request["messages"]] == ["user"]
        assert request["options"] == {"num_predict": 1024}
    assert foreign["messages"][0] == {"role": "system", "content": persona.system_prompt}
    assert foreign["options"]["temperature"] == persona.sampling.temperature
    assert without["messages"] == [{"role": "user", "content": "Merhaba!"}]
    assert without["options"]["num_predict"] == 7


async def test_hostile_text_is_handed_on_as_it_came(workspace: Workspace, store: AsyncStore) -> None:
    text = "[/red]\x1b]0;owned\x07\x00\u202e \\u0041" + "x" * 1_000_000
    async with replaying(piece(text), last(tokens=1, seconds=1)) as server:
        events = await collect(run(spec(server.host), workspace, store))

    assert text_of(events) == text


@pytest.mark.slow
@pytest.mark.ollama
async def test_a_real_server_streams_a_reply_and_stops_when_it_is_left(
    workspace: Workspace, store: AsyncStore, ollama_server: OllamaServer, ollama_model: str
) -> None:
    asked = spec(ollama_server.host, ollama_model, "Count from one to ten.", max_tokens=40)
    events = await collect(run(asked, workspace, store))

    done = events[-1]
    assert isinstance(done, Replied)
    assert done.text
    assert done.text == text_of(events)
    assert 0 < done.tokens <= 40
    assert done.tokens_per_second is not None

    stop = asyncio.Event()
    heard: list[Event] = []
    longer = spec(ollama_server.host, ollama_model, "Tell me a long story.", max_tokens=1500)
    async for event in reply(longer, workspace, store, stop):
        heard.append(event)
        if len([item for item in heard if isinstance(item, Token)]) == 3:
            stop.set()
    assert isinstance(heard[-1], Replied)
    assert heard[-1].cancelled
    # A server still busy with the story would keep this one waiting: there is one slot a model.
    again = await collect(run(spec(ollama_server.host, ollama_model, max_tokens=3), workspace, store))
    assert isinstance(again[-1], Replied)
