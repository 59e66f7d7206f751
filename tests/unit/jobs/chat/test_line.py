"""A line to the server: the second question goes over the connection of the first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from store.live import AsyncStore
from store.models import Message
from studio.jobs.chat.job import Spec, reply
from studio.jobs.chat.line import Line
from studio.jobs.events import JobError, Replied
from studio.workspace import Workspace
from tests.fixtures.ollama import free_port
from tests.fixtures.replayer import Replayer, last, piece


@asynccontextmanager
async def counting(*script: dict[str, object]) -> AsyncIterator[tuple[Replayer, list[int]]]:
    """Run the replayer, and count its connections."""
    replayer, connections = Replayer(script=script), []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer.get_extra_info("peername")[1])
        await replayer.answer(reader, writer)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    replayer.port = server.sockets[0].getsockname()[1]
    async with server:
        yield replayer, connections


async def said(spec: Spec, workspace: Workspace, store: AsyncStore, line: Line) -> str:
    events = [event async for event in reply(spec, workspace, store, line=line)]
    assert isinstance(events[-1], Replied)
    return events[-1].text


async def test_questions_go_over_one_connection_that_warming_opened(
    workspace: Workspace, store: AsyncStore
) -> None:
    line = Line()
    async with counting(piece("Selam"), last(tokens=1, seconds=1)) as (server, connections):
        spec = Spec(model="replayed", messages=(Message(role="user", content="?"),), host=server.host)
        await line.warm(server.host)
        first = set(connections)
        await line.warm(server.host)
        assert len(connections) == 1
        assert [await said(spec, workspace, store, line) for _ in range(2)] == ["Selam", "Selam"]
        # What a reply's figures need is asked by connections of their own.
        assert server.asked
        assert len(first) == 1
        await line.close()
        # After a server has gone and come back, as after any pause, a question opens a new one.
        assert await said(spec, workspace, store, line) == "Selam"
        await line.close()


async def test_a_server_that_is_not_there_is_told_when_it_is_asked(
    workspace: Workspace, store: AsyncStore
) -> None:
    line, host = Line(), f"http://127.0.0.1:{free_port()}"
    await line.warm(host)
    spec = Spec(model="m", messages=(Message(role="user", content="?"),), host=host)
    try:
        await said(spec, workspace, store, line)
    except JobError as error:
        assert "does not answer" in error.what
    else:
        raise AssertionError("nothing was there")
    await line.close()
