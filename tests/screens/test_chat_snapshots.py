"""How the chat and its dialogs look, at both sizes; the SVGs are there to be looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from textual.widgets import TextArea

from store.database import Store
from store.models import ChatSession, ChatTurn
from studio.jobs.chat.conversation import answered, asked, before, changed, shown
from studio.workspace import Workspace
from tests.fixtures.replayer import last, piece, replaying
from tests.screens.driver import SIZES, _still, hold_cursors, studio, text_of, until
from tests.screens.material import MOMENT
from widgets.transcript import Transcript

REPLY = """\
Gece ormanı tarayan bir **baykuş** düşün:

1. önce *geniş* bakar,
2. sonra dalar ✨

```rust
let name = owner.clone(); // sahibi
```

| adım | ne yapar |
|---|---|
| bak | tarar |
| dal | 日本語 |
"""
sizes = pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])
pytestmark = pytest.mark.slow


def conversation() -> ChatSession:
    """Return a conversation with two versions, a thought, a mend, and one that is kept."""
    model = "jessy:r2-q8_0"
    made: dict[str, Any] = {"model": model, "tokens": 118, "tokens_per_second": 84.2, "at": MOMENT}
    figures = {**made, "context_size": 2048, "first_token_seconds": 3.1}
    chat = asked(ChatSession(id="f" * 32, created_at=MOMENT, title="", model=model), "Owl pattern nedir?")
    chat = answered(chat, ChatTurn(role="assistant", content="Bilmiyorum.", **figures, context_tokens=60))
    chat = changed(chat, shown(chat)[-1].id, mark="bad")
    chat = answered(
        before(chat, shown(chat)[-1].id),
        ChatTurn(
            role="assistant",
            content=REPLY,
            thinking="Önce ne sorduğuna bak, sonra kısa anlat.",
            first_thought_seconds=0.2,
            context_tokens=180,
            **figures,
        ),
    )
    chat = changed(chat, shown(chat)[-1].id, mark="good", example_id="x")
    chat = answered(
        asked(chat, "Peki ne zaman?"),
        ChatTurn(
            role="assistant", content="Gürültü çokken.", **figures, context_tokens=1_930, ended="killed"
        ),
    )
    chat = changed(chat, shown(chat)[-1].id, example_id="y")
    return chat.model_copy(update={"opened_at": MOMENT.replace(year=2027), "draft": "Bir soru daha"})


@asynccontextmanager
async def opened(workspace: Workspace, size: tuple[int, int]) -> AsyncIterator[Pilot[None]]:
    with Store.open(workspace.database) as store:
        store.chat_sessions.put(conversation())
    async with studio(workspace, size) as pilot:
        await pilot.press("f7")
        await until(
            pilot,
            lambda: (
                len(pilot.app.screen.query_one(Transcript).entries) == 4
                and "does not answer" in text_of(pilot)
            ),
            "the conversation",
        )
        await pilot.press("escape")
        yield pilot


async def picture(pilot: Pilot[None]) -> str:
    hold_cursors(pilot)
    # A dialog keeps what it has seen of the screen below, which may have been at work then.
    pilot.app.screen.refresh()
    await _still(pilot)
    return pilot.app.export_screenshot()


@sizes
async def test_conversation(filled: Workspace, svg: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with opened(filled, size) as pilot:
        await pilot.press("up", "up")
        assert await picture(pilot) == svg


@sizes
async def test_sessions(filled: Workspace, svg: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with opened(filled, size) as pilot:
        await pilot.press("s")
        await until(pilot, lambda: "4 turns" in text_of(pilot), "the list")
        assert await picture(pilot) == svg


@sizes
async def test_parameters(filled: Workspace, svg: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with opened(filled, size) as pilot:
        await pilot.press("p")
        await until(pilot, lambda: "repeat penalty" in text_of(pilot) and pilot.app.focused, "the parameters")
        assert await picture(pilot) == svg


@sizes
async def test_mend(filled: Workspace, svg: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with opened(filled, size) as pilot:
        await pilot.press("e")
        await until(
            pilot,
            lambda: "Mend this reply" in text_of(pilot) and isinstance(pilot.app.focused, TextArea),
            "the editor with the focus",
        )
        assert await picture(pilot) == svg


@sizes
async def test_compare(
    filled: Workspace, svg: SnapshotAssertion, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (piece(REPLY), last(tokens=90, seconds=1))
    async with (
        replaying(*script, loaded=("model-a", "model-b"), fill_in=True) as server,
        opened(filled, size) as pilot,
    ):
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        await pilot.press("c")
        compare: Any = pilot.app.screen
        compare.models, compare.blind = ("model-a", "model-b"), True
        compare.query_one("#prompt").put("Owl pattern nedir?")
        await pilot.press("enter")
        await until(pilot, lambda: len(compare.replies) == 2 and not compare.busy, "both replies")
        # Which side is which is chance: both say the same, and no name is shown.
        assert await picture(pilot) == svg
