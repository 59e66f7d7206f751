"""Replies from the local child, and the list of all that one can talk to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from store.live import AsyncStore
from store.models import Checkpoint, Deployment, Message, TrainingRun
from studio.config.settings import Settings
from studio.jobs.chat import local
from studio.jobs.chat.job import LOCAL_BASE, Spec, reply, run
from studio.jobs.chat.models import available_models
from studio.jobs.events import Event, JobError, Replied, Stage, Token
from studio.jobs.manager import JobManager
from studio.jobs.rehearsal.job import Spec as RehearsalSpec
from studio.lm.base import resolve_base
from studio.lm.embedded import EMBEDDED
from studio.session import Session
from studio.workspace import Workspace
from tests.fixtures.adapter import write_random_adapter
from tests.fixtures.ollama import OllamaServer, free_port


def spec(model: str = LOCAL_BASE, question: str = "What is the capital of France?") -> Spec:
    return Spec(model=model, messages=(Message(role="user", content=question),), max_tokens=24)


async def test_a_checkpoint_that_is_not_there_is_said(workspace: Workspace, store: AsyncStore) -> None:
    with pytest.raises(JobError, match="There is no checkpoint nowhere"):
        async for _ in run(spec("local:nowhere"), workspace, store):
            pass


@pytest.mark.slow
async def test_a_base_that_cannot_be_had_is_said_with_its_own_advice(
    workspace: Workspace, store: AsyncStore, tmp_path: Path
) -> None:
    broken = TrainingRun(name="r", job_id="j", base=str(tmp_path / "none"))
    await store.write(lambda writer: writer.training_runs.put(broken))

    with pytest.raises(JobError, match="neither a folder here nor the name of a model"):
        async for _ in run(spec(), workspace, store):
            pass


@pytest.mark.slow
async def test_the_child_answers_and_stays_between_turns(
    workspace: Workspace, store: AsyncStore, tmp_path: Path
) -> None:
    training = TrainingRun(name="r", job_id="j", base=EMBEDDED)
    checkpoint = Checkpoint(run_id=training.id, step=1, path="checkpoints/r/1")
    write_random_adapter(resolve_base(EMBEDDED), workspace.root / "checkpoints/r/1", strength=0.0)
    await store.write(lambda writer: (writer.training_runs.put(training), writer.checkpoints.put(checkpoint)))

    first = [event async for event in run(spec(f"local:{checkpoint.id}"), workspace, store)]
    pids = _pids()
    second = [event async for event in run(spec(f"local:{checkpoint.id}"), workspace, store)]

    for events in (first, second):
        done = events[-1]
        assert isinstance(done, Replied)
        assert done.text == "".join(event.text for event in events if isinstance(event, Token))
        assert done.text
        assert done.model == f"local:{checkpoint.id}"
    assert _stages(first) == [("load", "running"), ("load", "done")]
    assert _stages(second) == []
    assert _pids() == pids

    stop = asyncio.Event()
    heard: list[Event] = []
    async for event in reply(spec(f"local:{checkpoint.id}", "Tell a story."), workspace, store, stop):
        heard.append(event)
        stop.set()
    assert isinstance(heard[-1], Replied)
    assert heard[-1].cancelled

    await local.close_local_models()
    assert _pids() == []


@pytest.mark.slow
async def test_a_heavy_job_and_the_studios_end_close_what_a_chat_holds(
    workspace: Workspace, store: AsyncStore
) -> None:
    session = Session(workspace, store, JobManager(workspace, store), None, Settings(), None)  # type: ignore[arg-type]
    asked = spec("local:base").model_copy(update={"max_tokens": 2})

    assert isinstance([event async for event in run(asked, workspace, store)][-1], Replied)
    assert len(_pids()) == 1
    record = await session.manager.start("rehearsal", RehearsalSpec(documents=3, memory_bytes=1))
    assert _pids() == []
    async for _ in session.manager.follow(record.id):
        pass

    assert isinstance([event async for event in run(asked, workspace, store)][-1], Replied)
    assert len(_pids()) == 1
    await session.close()
    assert _pids() == []


async def test_all_models_are_listed_with_what_is_true_of_each(
    workspace: Workspace, store: AsyncStore
) -> None:
    await store.write(lambda writer: writer.deployments.put(_deployment("jessy:gone-1-f16")))

    listed = await available_models(workspace, store, host=f"http://127.0.0.1:{free_port()}")

    assert [(choice.model, choice.detail) for choice in listed[:1]] == [
        ("jessy:gone-1-f16", "Ollama does not answer")
    ]
    assert listed[-1].model == LOCAL_BASE


@pytest.mark.slow
@pytest.mark.ollama
async def test_ollamas_other_models_stand_between_ours(
    workspace: Workspace, store: AsyncStore, ollama_server: OllamaServer, ollama_model: str
) -> None:
    await store.write(lambda writer: writer.deployments.put(_deployment("jessy:gone-1-f16")))

    listed = await available_models(workspace, store, host=ollama_server.host)

    names = [choice.model for choice in listed]
    assert names[0] == "jessy:gone-1-f16"
    assert listed[0].detail == "no longer on the server"
    assert names.index("jessy:gone-1-f16") < names.index(ollama_model) < names.index(LOCAL_BASE)
    assert "llama" in listed[names.index(ollama_model)].detail


def _deployment(tag: str) -> Deployment:
    return Deployment(tag=tag, checkpoint_id="c", run_id="r")


def _pids() -> list[int | None]:
    children = local._children.get(asyncio.get_running_loop())
    return [model.pid for model in children.models.values()] if children else []


def _stages(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.name, event.state) for event in events if isinstance(event, Stage)]
