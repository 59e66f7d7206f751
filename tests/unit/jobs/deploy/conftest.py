"""A workspace with a checkpoint to deploy."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from store.live import AsyncStore
from store.models import Checkpoint, Deployment, TrainingRun, new_id
from studio.config.persona import load_persona
from studio.jobs.deploy import job as deploy_job
from studio.jobs.deploy.fuse import make_fused
from studio.jobs.deploy.inputs import Spec, prepare
from studio.jobs.deploy.preflight import find_base
from studio.jobs.events import Event, Saved
from studio.jobs.process.context import JobContext
from studio.jobs.process.control import Control
from studio.lm.base import resolve_base
from studio.lm.embedded import EMBEDDED
from studio.workspace import Workspace
from tests.fixtures.adapter import write_random_adapter

Deploy = Callable[..., Awaitable[list[Event]]]


@pytest.fixture(scope="session")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter of the embedded base with small random numbers."""
    folder = tmp_path_factory.mktemp("adapter") / "random"
    return write_random_adapter(resolve_base(EMBEDDED), folder, strength=0.005)


@pytest.fixture(scope="session")
def fused(adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fused folder that a deploy job makes of `adapter` with the default persona."""
    folder = tmp_path_factory.mktemp("fused") / "fused"
    content = Workspace.create(tmp_path_factory.mktemp("content"))
    system = load_persona(content.persona_file).system_prompt
    make_fused(find_base(EMBEDDED), "gguf", adapter, system, folder)
    return folder


class Deployable:
    """A workspace with one run and one checkpoint; runs the deploy job in this process."""

    def __init__(self, workspace: Workspace, store: AsyncStore, fused: Path) -> None:
        self.workspace = workspace
        self.store = store
        self.fused = fused
        self.run = TrainingRun(name="demo", job_id="j", base=EMBEDDED)
        self.checkpoint = Checkpoint(run_id=self.run.id, step=100, path="checkpoints/demo/000100", best=True)

    async def add(self, adapter: Path) -> None:
        shutil.copytree(adapter, self.workspace.inside(self.checkpoint.path))

        def put(store: object) -> None:
            store.training_runs.put(self.run)  # type: ignore[attr-defined]
            store.checkpoints.put(self.checkpoint)  # type: ignore[attr-defined]

        await self.store.write(put)

    async def order(self, *, fuse: bool = False, **asked: object) -> tuple[Spec, JobContext]:
        """Prepare a job; unless it shall fuse by itself, it finds the fused weights of an earlier run."""
        spec = Spec.model_validate({"checkpoint_id": self.checkpoint.id, **asked})
        job_id = new_id()
        folder = self.workspace.jobs / job_id
        folder.mkdir(parents=True)
        await prepare(spec, self.workspace, self.store, folder)
        if not fuse:
            shutil.copytree(self.fused, folder / "fused", copy_function=os.link)
        return spec, JobContext(self.workspace, job_id, folder, Control(folder / "control"))

    async def deploy(self, *, fuse: bool = False, **asked: object) -> list[Event]:
        """Run a job to its end, take its documents into the store and return all it said."""
        spec, job = await self.order(fuse=fuse, **asked)
        return await self.take_in(spec, job)

    async def take_in(self, spec: Spec, job: JobContext) -> list[Event]:
        events: list[Event] = []
        async for event in deploy_job.run(spec, job):
            events.append(event)
            if isinstance(event, Saved):
                document = Deployment.model_validate(event.document)
                await self.store.write(lambda store, put=document: store.deployments.put(put))
        return events

    async def deployments(self) -> list[Deployment]:
        found = await self.store.run(lambda store: list(store.deployments))
        return sorted(found, key=lambda deployment: deployment.created_at)


@pytest_asyncio.fixture
async def deployable(tmp_path: Path, adapter: Path, fused: Path) -> AsyncIterator[Deployable]:
    workspace = Workspace.create(tmp_path / "workspace")
    store = await AsyncStore.open(workspace.database)
    made = Deployable(workspace, store, fused)
    await made.add(adapter)
    yield made
    await store.close()
