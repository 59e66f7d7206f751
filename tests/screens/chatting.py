"""Hands at the chat: opening it on a server that replays, saying something, and what is shown and stored then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from store.models import ChatSession
from studio.workspace import Workspace
from tests.fixtures.replayer import Replayer, last, piece, replaying
from tests.screens.driver import studio, until

SELAM = (piece("Selam! "), piece("Ben **JESSY** ✨"), last(tokens=6, seconds=0.1))


@asynccontextmanager
async def chatting(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    *script: dict[str, Any] | str,
    size: tuple[int, int] = (80, 24),
    **settings: Any,
) -> AsyncIterator[tuple[Pilot[None], Replayer]]:
    async with replaying(*(script or SELAM), **settings) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        async with studio(workspace, size) as pilot:
            await pilot.press("f7")
            await until(pilot, lambda: screen(pilot).model == "replayed", "a model to talk to")
            await pilot.press("escape")
            yield pilot, server


def screen(pilot: Pilot[None]) -> Any:
    return pilot.app.screen


async def say(pilot: Pilot[None], text: str) -> None:
    screen(pilot).action_write()
    screen(pilot).prompt.put(text)
    await pilot.press("enter")


async def stored(pilot: Pilot[None]) -> list[ChatSession]:
    store = pilot.app.session.store  # type: ignore[attr-defined]
    found: list[ChatSession] = await store.run(lambda reader: list(reader.chat_sessions))
    return found


async def replied(pilot: Pilot[None], number: int) -> None:
    """Wait until the model has replied `number` times and all is kept."""
    await until(
        pilot,
        lambda: (
            not screen(pilot).busy
            and screen(pilot).chat is not None
            and len([t for t in screen(pilot).chat.turns if t.role == "assistant"]) == number
        ),
        f"reply {number}",
    )


def words(pilot: Pilot[None]) -> list[str]:
    return [entry.text for entry in screen(pilot).transcript.entries]
