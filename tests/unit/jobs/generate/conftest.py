"""A workspace with its content and one small recipe more, a server of the Messages API, and a job in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio

from store.live import AsyncStore
from studio.jobs.events import Event, JobError
from studio.jobs.generate.inputs import Inputs, make_inputs
from studio.jobs.generate.job import run
from studio.jobs.generate.leaving import Leaving, agree, what_leaves
from studio.jobs.generate.order import Spec
from studio.jobs.generate.preview_job import Spec as PreviewSpec
from studio.jobs.generate.preview_job import Tried
from studio.jobs.manager import JobManager
from studio.jobs.order import order
from studio.jobs.process.context import JobContext
from studio.jobs.process.control import Control
from studio.jobs.process.eventlog import EventLog
from studio.jobs.process.folder import JobFolder
from studio.workspace import Workspace
from tests.fixtures.messages_server import MessagesServer
from tests.fixtures.tiny_recipe import TINY

Drive = Callable[[JobFolder], Awaitable[list[Event]]]
OrderJob = Callable[[Spec], Awaitable[JobFolder]]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace.create(tmp_path / "ws")
    (made.recipes / "tiny.toml").write_text(TINY, encoding="utf-8")
    return made


@pytest.fixture
def server() -> Iterator[MessagesServer]:
    running = MessagesServer().start()
    yield running
    running.stop()


@pytest.fixture
def paid_spec(server: MessagesServer, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Spec:
    """12 examples in 6 requests to the server, agreed to, with short waits after faults."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    agree(workspace, Leaving(server.url))
    return Spec(
        teacher="anthropic",
        base_url=server.url,
        recipes=("tiny",),
        max_tokens=512,
        concurrency=2,
        backoff_seconds=0.01,
    )


@pytest.fixture
def order_job(workspace: Workspace, store: AsyncStore) -> OrderJob:
    """Agree to a generate job and order it, without starting its process."""

    async def make(spec: Spec) -> JobFolder:
        leaving = what_leaves(await make_inputs(spec, workspace, store, order_id="0"))
        if leaving is not None:
            agree(workspace, leaving)
        return await order(workspace, store, "generate", spec, None)

    return make


@pytest.fixture
def drive(workspace: Workspace) -> Drive:
    """Run an ordered job in this process, each event written before the next is asked for, as the runner does."""

    async def go(folder: JobFolder) -> list[Event]:
        header = folder.header()
        log = EventLog(folder.events)
        context = JobContext(
            workspace=workspace,
            id=header.id,
            folder=folder.path,
            control=Control(folder.control),
            resumed=log.last_n > 0,
            last_n=log.last_n,
        )
        seen: list[Event] = []
        try:
            async with aclosing(run(Spec.model_validate(header.spec), context)) as stream:
                async for event in stream:
                    log.append(event)
                    seen.append(event)
        except JobError as error:
            seen.append(log.append(error.event()).event)
        finally:
            log.close()
        return seen

    return go


class Trying:
    """Previews as the studio and the command run them."""

    def __init__(self, manager: JobManager) -> None:
        self._manager = manager

    async def __call__(self, spec: Spec, **changes: str) -> list[Event]:
        asked = PreviewSpec(teacher=spec, recipe="tiny", **changes)
        return [event async for event in self._manager.stream("preview", asked)]


@pytest_asyncio.fixture
async def trying(workspace: Workspace, store: AsyncStore) -> AsyncIterator[Trying]:
    yield Trying(JobManager(workspace, store))


async def inputs_of(spec: Spec, workspace: Workspace, store: AsyncStore) -> Inputs:
    return await make_inputs(spec, workspace, store, order_id="q")


def tried(events: list[Event]) -> list[Tried]:
    return [event for event in events if isinstance(event, Tried)]
