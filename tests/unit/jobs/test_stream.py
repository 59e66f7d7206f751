"""Short jobs: stored before told, whole transactions, and every end said in three parts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from store.live import AsyncStore
from store.models import Example, Message
from studio.jobs import registry
from studio.jobs.events import Event, Failed, Log, Saved
from studio.jobs.manager import JobManager
from studio.workspace import Workspace
from tests.fixtures import short_job


@pytest.fixture(autouse=True)
def short_kind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(registry.KINDS, "short", registry.Kind("short", "tests.fixtures.short_job"))
    yield
    short_job.closed.clear()


def documents(count: int) -> tuple[dict[str, object], ...]:
    message = Message(role="user", content="x")
    return tuple(
        Example(id=f"e{index:04d}", messages=(message,), category="c").model_dump(mode="json")
        for index in range(count)
    )


async def heard(workspace: Workspace, store: AsyncStore, spec: short_job.Spec) -> list[Event]:
    return [event async for event in JobManager(workspace, store).stream("short", spec)]


async def test_a_document_is_in_the_store_when_it_is_told(workspace: Workspace, store: AsyncStore) -> None:
    told = 0
    async for event in JobManager(workspace, store).stream("short", short_job.Spec(documents=documents(700))):
        if isinstance(event, Saved):
            told += 1
            assert store.counts.total >= told
    assert told == store.counts.total == 700


@pytest.mark.parametrize(
    ("then", "what"),
    [
        ("job error", "the file is empty"),
        ("bug", "ZeroDivisionError: a bug"),
        ("exit", "RuntimeError: a library ended the job with 3"),
    ],
)
async def test_every_failure_comes_after_what_was_stored(
    workspace: Workspace, store: AsyncStore, then: str, what: str
) -> None:
    events = await heard(workspace, store, short_job.Spec(documents=documents(3), then=then))
    assert isinstance(events[-1], Failed)
    assert events[-1].what == what
    assert events[-1].to_do
    assert sum(isinstance(event, Saved) for event in events) == store.counts.total == 3


async def test_a_document_that_is_none_is_a_warning(workspace: Workspace, store: AsyncStore) -> None:
    events = await heard(workspace, store, short_job.Spec(documents=({"id": "x"}, *documents(2))))
    warnings = [event.text for event in events if isinstance(event, Log) and event.level == "warning"]
    assert len(warnings) == 1
    assert "a document for examples is not one: messages" in warnings[0]
    assert store.counts.total == 2


async def test_closing_the_stream_ends_the_job(workspace: Workspace, store: AsyncStore) -> None:
    stream = JobManager(workspace, store).stream("short", short_job.Spec(documents=documents(1), then="wait"))
    async for event in stream:
        if isinstance(event, Saved):
            break
    assert short_job.closed == []
    await stream.aclose()
    assert short_job.closed == ["short"]


async def test_a_read_only_store_keeps_nothing_and_says_so(workspace: Workspace, store: AsyncStore) -> None:
    follower = await AsyncStore.open(workspace.database, readonly=True)
    try:
        events = await heard(workspace, follower, short_job.Spec(documents=documents(2)))
    finally:
        await follower.close()
    warnings = [event.text for event in events if isinstance(event, Log) and event.level == "warning"]
    assert warnings == ["Not kept: another process writes this workspace."]
    assert store.counts.total == 0
