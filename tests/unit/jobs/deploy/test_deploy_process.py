"""Deploying as the studio does it: a job process of its own, its documents taken into the store."""

from __future__ import annotations

import pytest

from studio.jobs.deploy.job import Spec
from studio.jobs.events import Finished
from studio.jobs.manager import JobManager
from tests.fixtures.ollama import OllamaServer

from .conftest import Deployable


@pytest.mark.e2e
@pytest.mark.ollama
@pytest.mark.timeout(900)
async def test_a_job_process_deploys_and_its_document_is_in_the_store(
    deployable: Deployable, ollama_server: OllamaServer
) -> None:
    manager = JobManager(deployable.workspace, deployable.store)
    spec = Spec(checkpoint_id=deployable.checkpoint.id, host=ollama_server.host, tag="by-process")

    record = await manager.start("deploy", spec)
    last = [item.event async for item in manager.follow(record.id)][-1]
    await manager.ingest()

    assert isinstance(last, Finished), last
    (deployment,) = await deployable.deployments()
    assert deployment.tag == last.result["tag"] == "by-process:demo-100-f16"
    assert deployment.current
