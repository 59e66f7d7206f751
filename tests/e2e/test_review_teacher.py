"""A real Ollama mends and judges five examples, through its own `/v1/messages`: the path is proven, not its taste."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomlkit

from store.live import AsyncStore
from store.models import Example, Message
from studio.jobs.events import Event, Finished, Log, Progress
from studio.jobs.generate.order import Spec as Teacher
from studio.jobs.review import judge_job, mend_job
from studio.workspace import Workspace
from tests.fixtures.ollama import OllamaServer

pytestmark = [pytest.mark.e2e, pytest.mark.ollama, pytest.mark.timeout(900)]

ASKED = ("Merhaba!", "What is a mutex?", "Yoruldum.", "Explain tail calls.", "Günaydın JESSY!")
EXAMPLES = [
    Example(
        id=f"{number:032x}",
        messages=(Message(role="user", content=asked), Message(role="assistant", content="Selam! Hi! 🎉")),
        category="personality",
    )
    for number, asked in enumerate(ASKED)
]
IDS = tuple(example.id for example in EXAMPLES)


async def test_five_are_mended_and_judged(
    tmp_path: Path, ollama_server: OllamaServer, ollama_model: str
) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    persona = tomlkit.parse(workspace.persona_file.read_text(encoding="utf-8"))
    # On two cores the glossary alone takes a minute to read.
    del persona["glossary"]
    del persona["metaphors"]
    workspace.persona_file.write_text(tomlkit.dumps(persona), encoding="utf-8")
    teacher = Teacher(teacher="ollama", model=ollama_model, base_url=ollama_server.host, max_tokens=256)
    store = await AsyncStore.open(workspace.database)
    try:
        await store.write(lambda database: database.examples.put_many(EXAMPLES))
        mend = mend_job.Spec(ids=IDS, note="shorter, no emoji", teacher=teacher, concurrency=1)
        events = [event async for event in mend_job.run(mend, workspace, store)]
        after = await examples(store)
        mended = [e for e in after if e.decisions]
        assert ended(events).result["mended"] == len(mended)
        assert len(mended) + len(reasons(events)) == 5
        for example in mended:
            assert example.original is not None and example.decisions[-1].who == f"teacher {ollama_model}"
        judge = judge_job.Spec(ids=IDS, teacher=teacher, concurrency=1)
        events = [event async for event in judge_job.run(judge, workspace, store)]
        rated = [e for e in await examples(store) if e.current_rating]
        assert ended(events).result["rated"] == len(rated)
        assert len(rated) + len(reasons(events)) == 5
        assert [e.messages for e in await examples(store)] == [e.messages for e in after]
    finally:
        await store.close()


async def examples(store: AsyncStore) -> list[Example]:
    return await store.run(lambda database: database.examples.find())


def ended(events: list[Event]) -> Finished:
    assert [event.done for event in events if isinstance(event, Progress)] == [1, 2, 3, 4, 5]
    end = events[-1]
    assert isinstance(end, Finished)
    return end


def reasons(events: list[Event]) -> list[str]:
    """Why an example is as it was; the server itself answered each time."""
    said = [event.text for event in events if isinstance(event, Log)]
    assert not [text for text in said if "server" in text or "connection" in text], said
    return said
