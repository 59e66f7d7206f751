"""The circle: chat, mend, review, train, validate, deploy, and chat again with a model that has learned the mend."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomlkit
from pydantic import BaseModel

from store.models import ChatSession, ChatSettings, Checkpoint, Example
from studio.commands.session import Session, open_session
from studio.jobs.chat.conversation import asked, shown
from studio.jobs.chat.mend import mend
from studio.jobs.chat.talk import Answer
from studio.jobs.deploy.inputs import Spec as DeploySpec
from studio.jobs.events import Failed, Finished, Recorded
from studio.jobs.review.job import Spec as ReviewSpec
from studio.jobs.summary import summarize
from studio.jobs.train.choose import is_decided
from studio.jobs.train.config import Spec as TrainSpec
from studio.jobs.train.config import TrainingConfig
from studio.jobs.validate.job import Spec as ValidateSpec
from studio.workspace import Workspace
from tests.fixtures.ollama import OllamaServer

pytestmark = [pytest.mark.e2e, pytest.mark.ollama, pytest.mark.timeout(1500)]

MENDS = {
    "Kimsin sen?": "Ben JESSY ✨ Hadi başlayalım!",
    "Who are you?": "I am JESSY, and we go together ✨",
    "Owl pattern nedir?": "Bir baykuş: önce geniş bakar, sonra dalar 🦉",
}
TRAINING = TrainingConfig(
    rank=16,
    dropout=0.0,
    targets="all-linear",
    learning_rate=1e-3,
    schedule="constant",
    warmup=0,
    batch=2,
    accumulation=1,
    epochs=100,
    max_steps=25,
    max_sequence=256,
    eval_every=25,
    save_every=25,
    sample_tokens=0,
)


async def say(session: Session, model: str, question: str) -> ChatSession:
    """Ask, at temperature 0, and return the conversation."""
    settings = ChatSettings(temperature=0.0, max_tokens=40)
    answer = Answer(
        asked(ChatSession(title="", model=model, settings=settings), question),
        session.workspace,
        session.store,
    )
    events = [event async for event in answer.events()]
    assert not isinstance(events[-1], Failed), events[-1]
    return answer.conversation


async def finish(session: Session, kind: str, spec: BaseModel) -> str:
    """Run a long job to its end and return its id."""
    record = await session.manager.start(kind, spec)
    last: Recorded | None = None
    async with session.manager.watching():
        async for recorded in session.manager.follow(record.id):
            last = recorded
    assert last is not None
    assert isinstance(last.event, Finished), last.event
    assert last.event.state == "done"
    return record.id


async def test_a_mended_reply_comes_back_from_the_next_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ollama_server: OllamaServer, ollama_model: str
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", ollama_server.host)
    workspace = Workspace.create(tmp_path / "ws")
    persona = tomlkit.parse(workspace.persona_file.read_text(encoding="utf-8"))
    persona["system_prompt"] = "You are JESSY."
    workspace.persona_file.write_text(tomlkit.dumps(persona), encoding="utf-8")

    async with open_session(workspace) as session:
        store = session.store
        # Chat, and mend what was said.
        for question, better in MENDS.items():
            chat = await say(session, ollama_model, question)
            reply = shown(chat)[-1]
            assert better not in reply.content
            await store.write(lambda writer, c=chat, t=reply, b=better: mend(writer, c.id, t.id, b))
        assert await store.run(lambda reader: summarize(reader, None).mends) == len(MENDS)

        # Review.
        review = session.manager.stream("review", ReviewSpec(policy="all"))
        assert isinstance([event async for event in review][-1], Finished)
        assert await store.run(lambda reader: summarize(reader, None).mends) == 0
        pairs = await store.run(lambda reader: list(reader.pairs))
        parents: dict[str, Example] = await store.run(lambda reader: {e.id: e for e in reader.examples})
        assert len(pairs) == len(MENDS)
        assert all(is_decided(pair, parents) for pair in pairs)

        # Train on the mends alone, validate, deploy.
        await finish(session, "train", TrainSpec(name="mended", config=TRAINING))
        await finish(
            session, "validate", ValidateSpec(cases=1, max_tokens=16, suites=("personality",), processes=1)
        )
        last: Checkpoint = await store.run(lambda reader: max(reader.checkpoints, key=lambda c: c.step))
        await finish(session, "deploy", DeploySpec(checkpoint_id=last.id, tag="jessy-mended"))
        (deployment,) = await store.run(lambda reader: list(reader.deployments))

        # Chat again: what was learned is said, and the tag leads back to what was mended.
        used = await store.run(lambda reader: [e for e in reader.examples if e.split == "train"])
        assert used
        for example in used:
            question, better = example.messages[-2].content, example.messages[-1].content
            chat = await say(session, deployment.tag, question)
            assert shown(chat)[-1].content.strip() == better
            assert deployment.run_id == example.frozen_by
            assert example.provenance.chat_session_id is not None
