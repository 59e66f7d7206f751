"""The deploy job against a real Ollama server: proven, moved, rolled back, broken and interrupted."""

from __future__ import annotations

import http.client
import json
import signal
from typing import Any

import pytest

from store.models import Deployment
from studio.jobs.deploy import job as deploy_job
from studio.jobs.deploy import remove, rollback
from studio.jobs.deploy import server as deploy_server
from studio.jobs.events import Event, Finished, JobError, Log, Sample, Saved, Stage
from studio.jobs.process.control import write_command
from studio.lm import ollama
from tests.fixtures.hostile_prompts import HOSTILE
from tests.fixtures.ollama import OllamaServer, free_port

from .conftest import Deployable

pytestmark = [pytest.mark.slow, pytest.mark.ollama, pytest.mark.timeout(900)]


def stages(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.name, event.state) for event in events if isinstance(event, Stage)]


def said(events: list[Event]) -> str:
    return "\n".join(event.text for event in events if isinstance(event, Log))


async def tags(server: OllamaServer) -> dict[str, str]:
    return {model.name: model.digest for model in await ollama.models(server.host)}


def referenced(server: OllamaServer) -> set[str]:
    """The blobs that some manifest needs."""
    found: set[str] = set()
    for path in (server.models / "manifests").rglob("*"):
        if path.is_file():
            manifest = json.loads(path.read_bytes())
            layers = [manifest["config"], *manifest["layers"]]
            found |= {layer["digest"].replace(":", "-") for layer in layers}
    return found


def ask(server: OllamaServer, path: str, body: dict[str, Any]) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("POST", path, json.dumps(body))
    answer: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return answer


async def run_short(module: Any, spec: Any, deployable: Deployable) -> list[Event]:
    events: list[Event] = []
    async for event in module.run(spec, deployable.workspace, deployable.store):
        events.append(event)
        if isinstance(event, Saved):
            document = Deployment.model_validate(event.document)
            await deployable.store.write(lambda store, put=document: store.deployments.put(put))
    return events


@pytest.mark.e2e
async def test_a_checkpoint_becomes_a_proven_model_and_nothing_is_left_behind(
    deployable: Deployable, own_ollama_server: OllamaServer
) -> None:
    host = own_ollama_server.host

    events = await deployable.deploy(fuse=True, host=host)

    done = [name for name, state in stages(events) if state == "done"]
    assert done == ["preflight", "fuse", "gguf", "import", "proof", "smoke", "tag"]
    there = await tags(own_ollama_server)
    assert set(there) == {"jessy-complete:demo-100-f16", "jessy-complete:latest"}
    assert len(set(there.values())) == 1
    (deployment,) = await deployable.deployments()
    assert deployment.tag == "jessy-complete:demo-100-f16"
    assert deployment.digest == there["jessy-complete:latest"]
    assert deployment.checkpoint_id == deployable.checkpoint.id
    assert deployment.current
    assert deployment.proofs["tokens"] == "equal on 8 probes, token by token on 8"
    assert set(deployment.proofs) == {
        "texts",
        "tokens",
        "chat template",
        "first tokens",
        "stop token",
        "smoke",
    }
    replies = [event.reply for event in events if isinstance(event, Sample)]
    assert len(replies) == 3
    assert all(replies)
    assert isinstance(events[-1], Finished)
    assert set(events[-1].result["seconds"]) == set(done)

    (job_folder,) = deployable.workspace.jobs.iterdir()
    assert {path.name for path in job_folder.iterdir()} == {"inputs.json", "plan.json", "Modelfile"}
    assert own_ollama_server.blobs() == referenced(own_ollama_server)
    shown = ask(own_ollama_server, "/api/show", {"model": deployment.tag})
    assert "You are JESSY" in shown["system"]
    assert "temperature" in shown["parameters"]


@pytest.mark.e2e
async def test_tags_move_forward_roll_back_and_make_room(
    deployable: Deployable, own_ollama_server: OllamaServer
) -> None:
    host = own_ollama_server.host
    await deployable.deploy(host=host)
    first_digest = (await tags(own_ollama_server))["jessy-complete:latest"]
    events = await deployable.deploy(host=host, quantization="q8_0")

    assert ("quantize", "done") in stages(events)
    there = await tags(own_ollama_server)
    assert there["jessy-complete:latest"] == there["jessy-complete:demo-100-q8_0"] != first_digest
    first, second = await deployable.deployments()
    assert (first.current, second.current) == (False, True)
    assert own_ollama_server.blobs() == referenced(own_ollama_server)

    await run_short(rollback, rollback.Spec(host=host), deployable)

    assert (await tags(own_ollama_server))["jessy-complete:latest"] == first_digest
    first, second = await deployable.deployments()
    assert (first.current, second.current) == (True, False)
    with pytest.raises(JobError, match="no deployment of jessy-complete before"):
        await run_short(rollback, rollback.Spec(host=host), deployable)
    with pytest.raises(JobError, match="points at"):
        await run_short(remove, remove.Spec(deployment_id=first.id, host=host), deployable)

    await run_short(remove, remove.Spec(deployment_id=second.id, host=host), deployable)

    assert "jessy-complete:demo-100-q8_0" not in await tags(own_ollama_server)
    assert await deployable.deployments() == [first]
    assert own_ollama_server.blobs() == referenced(own_ollama_server)


@pytest.mark.e2e
async def test_a_quantized_model_alone_leaves_no_unquantized_file_on_the_server(
    deployable: Deployable, own_ollama_server: OllamaServer
) -> None:
    await deployable.deploy(host=own_ollama_server.host, quantization="q4_K_M")

    assert own_ollama_server.blobs() == referenced(own_ollama_server)
    sizes = [(own_ollama_server.models / "blobs" / name).stat().st_size for name in own_ollama_server.blobs()]
    assert sum(sizes) < 120_000_000


async def test_a_model_that_reads_otherwise_never_gets_the_tag(
    deployable: Deployable, ollama_server: OllamaServer
) -> None:
    """The folder import of SmolLM2 gets its pre-tokenizer wrong: a broken import, as real ones are."""
    host = ollama_server.host
    await deployable.deploy(host=host, tag="guarded")
    before = await tags(ollama_server)

    spec, job = await deployable.order(host=host, tag="guarded", route="folder")
    events: list[Event] = []
    with pytest.raises(JobError) as raised:
        async for event in deploy_job.run(spec, job):
            events.append(event)

    assert "is not the model that was trained" in raised.value.what
    assert "apostrophe" in raised.value.what
    assert "guarded:latest points where it pointed before" in raised.value.kept
    assert ("proof", "failed") in stages(events)
    assert await tags(ollama_server) == before
    assert len(await deployable.deployments()) == 1
    assert not any(isinstance(event, Saved) for event in events)


@pytest.mark.e2e
async def test_a_server_that_dies_in_the_middle_of_an_import_is_said_and_the_job_goes_on_later(
    deployable: Deployable, own_ollama_server: OllamaServer
) -> None:
    spec, job = await deployable.order(host=own_ollama_server.host)

    with pytest.raises(JobError) as raised:
        async for event in deploy_job.run(spec, job):
            if isinstance(event, Log) and "parsing GGUF" in event.text:
                own_ollama_server.stop(signal.SIGKILL)

    assert "went away during the import" in raised.value.what
    assert "fused weights" in raised.value.kept
    assert "ollama serve" in raised.value.to_do
    own_ollama_server.start()

    events = await deployable.take_in(spec, job)

    assert ("fuse", "skipped") in stages(events)
    assert isinstance(events[-1], Finished)
    assert "jessy-complete:latest" in await tags(own_ollama_server)


async def test_a_stop_is_heard_while_the_server_works(
    deployable: Deployable, ollama_server: OllamaServer
) -> None:
    spec, job = await deployable.order(host=ollama_server.host, tag="halted")
    events: list[Event] = []
    async for event in deploy_job.run(spec, job):
        events.append(event)
        if isinstance(event, Stage) and (event.name, event.state) == ("proof", "running"):
            write_command(job.folder / "control", "stop")

    assert isinstance(events[-1], Finished)
    assert events[-1].state == "stopped"
    assert "halted:latest" not in await tags(ollama_server)


async def test_without_a_server_nothing_is_written_and_the_way_to_start_one_is_said(
    deployable: Deployable,
) -> None:
    spec, job = await deployable.order(fuse=True, host=f"http://127.0.0.1:{free_port()}")

    with pytest.raises(JobError, match="No Ollama server answers") as raised:
        async for _ in deploy_job.run(spec, job):
            pass

    assert "ollama serve" in raised.value.to_do
    assert [path.name for path in job.folder.iterdir()] == ["inputs.json"]


async def test_any_system_prompt_reaches_the_server_as_it_is(
    ollama_model: str, ollama_server: OllamaServer
) -> None:
    """By the API, whose JSON has no grammar to break out of; the Modelfile has its own test."""
    unlike = []
    for name, system in HOSTILE.items():
        with ollama.faults(ollama_server.host):
            async with ollama.client(ollama_server.host) as asked:
                await asked.create("hostile-api", from_=ollama_model, system=system)
        shown = ask(ollama_server, "/api/show", {"model": "hostile-api"})
        if shown.get("system") != system:
            unlike.append(name)
    await deploy_server.remove(ollama_server.host, "hostile-api")

    assert unlike == []


async def test_a_checkpoint_that_is_not_in_the_store_is_refused_before_a_job_exists(
    deployable: Deployable,
) -> None:
    with pytest.raises(JobError, match="There is no checkpoint nowhere"):
        await deployable.order(checkpoint_id="nowhere")


async def test_a_checkpoint_whose_files_are_gone_is_named(
    deployable: Deployable, ollama_server: OllamaServer
) -> None:
    gone = deployable.workspace.inside(deployable.checkpoint.path) / "adapters.safetensors"
    gone.unlink()

    with pytest.raises(JobError, match="adapter is not at checkpoints/demo/000100"):
        await deployable.deploy(host=ollama_server.host)
