"""A conversation with a real Ollama server: streamed, cancelled, asked again, branched, kept, compared."""

from __future__ import annotations

import asyncio

import pytest

from store.live import AsyncStore
from store.models import ChatSession, ChatSettings
from studio.jobs.chat.compare import judged, read_standing, replies, trial
from studio.jobs.chat.conversation import asked, asked_instead, at_version, before, messages_of, shown
from studio.jobs.chat.sessions import listed
from studio.jobs.chat.talk import Answer
from studio.jobs.events import Replied, Token
from studio.workspace import Workspace
from tests.fixtures.ollama import OllamaServer

pytestmark = [pytest.mark.slow, pytest.mark.ollama]


async def test_a_conversation_with_a_real_server(
    workspace: Workspace, store: AsyncStore, ollama_server: OllamaServer, ollama_model: str
) -> None:
    settings = ChatSettings(temperature=0.0, max_tokens=12, system="Answer shortly.")

    async def answer(chat: ChatSession, *, stop_after: int | None = None) -> Answer:
        made = Answer(chat, workspace, store, host=ollama_server.host)
        pieces = 0
        async for event in made.events():
            pieces += isinstance(event, Token)
            if pieces == stop_after:
                made.stop()
        return made

    # Streamed, with the server's own figures.
    chat = asked(ChatSession(title="", model=ollama_model, settings=settings), "What is an owl? İyi anlat 🦉")
    first = await answer(chat)
    assert first.turn is not None
    assert first.turn.tokens_per_second
    assert first.turn.context_size == 2048
    assert first.turn.context_tokens is not None
    assert first.turn.context_tokens > first.turn.tokens
    assert first.turn.ended in ("stop", "length")

    # Cancelled: what came is a turn.
    longer = first.conversation.model_copy(update={"settings": ChatSettings(max_tokens=1500)})
    second = await answer(asked(longer, "Tell me a very long story about it."), stop_after=3)
    assert second.turn is not None
    assert (second.turn.ended, bool(second.turn.content)) == ("cancelled", True)

    # Asked again: a version in its place, and both are kept.
    short = second.conversation.model_copy(update={"settings": settings})
    again = await answer(before(short, second.turn.id))
    assert again.turn is not None
    assert [turn.id for turn in shown(again.conversation)][-1] == again.turn.id
    assert shown(at_version(again.conversation, again.turn.id, -1))[-1].id == second.turn.id

    # Branched at the first question.
    question = shown(again.conversation)[0]
    branch = await answer(asked_instead(again.conversation, question.id, "Say hello."))
    assert messages_of(branch.conversation)[0].content == "Say hello."
    assert len(branch.conversation.turns) == 7

    # Kept whole, and found.
    kept = await store.run(lambda reader: reader.chat_sessions.get(chat.id))
    assert kept == branch.conversation
    assert [item.id for item in await store.run(lambda reader: listed(reader, "IYI ANLAT"))] == [chat.id]


async def test_two_real_models_at_once(
    workspace: Workspace, store: AsyncStore, ollama_server: OllamaServer, ollama_model: str
) -> None:
    copied = ollama_server.run("cp", ollama_model, "small:other")
    assert copied.returncode == 0, copied.stderr
    chat = asked(ChatSession(title="", model=""), "Say hello.")
    both = trial(messages_of(chat), (ollama_model, "small:other"), blind=True)
    stop = asyncio.Event()

    async def side(name: str) -> str:
        events = replies(both, name, workspace, store, stop, host=ollama_server.host)  # type: ignore[arg-type]
        last = [event async for event in events][-1]
        assert isinstance(last, Replied)
        return last.text

    left, right = await asyncio.gather(side("left"), side("right"))
    pair = judged(both, left, f"{right} ", "left")
    await store.write(lambda writer: writer.pairs.put(pair))

    standing = await store.run(lambda reader: read_standing(reader, both.left, both.right))
    assert (standing.wins, standing.losses) == (1, 0)
