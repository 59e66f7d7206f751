"""A real Ollama as the teacher, through its own `/v1/messages`: the path is proven, not the quality of the teacher."""

from __future__ import annotations

import pytest

from store.models import Example
from studio.jobs.events import Failed, Finished, Saved, Unit
from studio.jobs.generate.order import Order, Spec, counts
from studio.lm.embedded import embedded_gguf
from studio.workspace import Workspace
from tests.fixtures.ollama import OllamaServer
from tests.fixtures.tiny_recipe import TINY
from tests.unit.jobs.generate.conftest import Drive, OrderJob

pytestmark = [pytest.mark.ollama, pytest.mark.slow]

MODEL = "teacher-smollm2"


@pytest.fixture(scope="module")
def teacher(ollama_server: OllamaServer) -> str:
    """The embedded base as a model of the server."""
    import ollama

    client = ollama.Client(host=ollama_server.host)
    gguf = embedded_gguf()
    client.create(
        MODEL, files={gguf.name: client.create_blob(gguf)}, parameters={"temperature": 0, "seed": 1}
    )
    return MODEL


@pytest.fixture
def spec(ollama_server: OllamaServer, workspace: Workspace) -> Spec:
    """Two short requests: on two busy cores a prompt with the glossary takes a minute."""
    (workspace.recipes / "tiny.toml").write_text(TINY.replace("{glossary}", ""))
    return Spec(
        teacher="ollama",
        model=MODEL,
        base_url=ollama_server.host,
        recipes=("tiny",),
        count=2,
        max_tokens=256,
        concurrency=2,
        backoff_seconds=0.01,
    )


@pytest.mark.e2e
async def test_a_handful_goes_through_the_same_path(
    order_job: OrderJob, drive: Drive, spec: Spec, teacher: str
) -> None:
    folder = await order_job(spec)
    events = await drive(folder)
    end = events[-1]
    assert isinstance(end, Finished), end
    units = [event for event in events if isinstance(event, Unit)]
    # What so small a teacher does not bring is asked for again, until its slots are exhausted.
    assert {unit.unit_id for unit in units} >= {unit.id for unit in Order.load(folder.path).units}
    for unit in units:
        # So small a teacher seldom writes JSON; what it wrote is kept either way, with the reason.
        assert unit.text
        assert (unit.state == "failed") is bool(unit.reason)
        assert unit.model == teacher
        assert 0 < (unit.output_tokens or 0) <= 256
        assert (unit.input_tokens or 0) > 60, "the recipe did not arrive"
        assert unit.cost_usd is None
    made = [e.document for e in events if isinstance(e, Saved) and e.table == "examples"]
    counted = [document for document in made if counts(Example.model_validate(document))]
    assert end.result["examples"] == len(counted)
    assert len(counted) == 2 or end.result["exhausted"]
    assert end.result["failed_units"] == sum(unit.state == "failed" for unit in units)
    assert all(document["provenance"]["teacher"] == "ollama" for document in made)
    assert not [event for event in await drive(folder) if isinstance(event, Unit)], "it was asked again"


async def test_a_model_that_the_server_does_not_have_is_told(
    order_job: OrderJob, drive: Drive, spec: Spec
) -> None:
    end = (await drive(await order_job(spec.model_copy(update={"model": "nobody"}))))[-1]
    assert isinstance(end, Failed)
    assert "refused (404)" in end.what
    assert "no such model" in end.to_do


async def test_a_server_that_dies_is_waited_for_and_the_job_goes_on_with_it(
    order_job: OrderJob, drive: Drive, spec: Spec, own_ollama_server: OllamaServer
) -> None:
    own_ollama_server.stop()
    folder = await order_job(spec.model_copy(update={"base_url": own_ollama_server.host}))
    end = (await drive(folder))[-1]
    assert isinstance(end, Failed)
    assert "cannot be reached" in end.what
    own_ollama_server.start()
    end = (await drive(folder))[-1]
    assert isinstance(end, Failed)
    assert "refused (404)" in end.what, "the resumed job did not reach the server that is back"
