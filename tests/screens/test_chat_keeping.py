"""What is kept of a chat: turns as examples and pairs, sessions, files, and a long one as it was."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from store.database import Store
from store.models import ChatSession, ChatTurn
from studio.jobs.chat.conversation import answered, asked
from studio.workspace import Workspace
from tests.fixtures.replayer import HANG, piece
from tests.screens.chatting import chatting, replied, say, screen, stored, words
from tests.screens.driver import studio, text_of, until
from widgets.transcript import Entry, Transcript

pytestmark = pytest.mark.slow


async def test_a_mend_is_queued_for_review_and_counted_on_the_overview(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chatting(empty, monkeypatch) as (pilot, _):
        await say(pilot, "Kimsin?")
        await replied(pilot, 1)
        await pilot.press("escape", "e")
        await until(pilot, lambda: pilot.app.screen.query("TurnEditor"), "the reply to mend")
        await pilot.press("!", "ctrl+s")
        await until(pilot, lambda: "✎ mended" in text_of(pilot), "the sign")

        store = pilot.app.session.store  # type: ignore[attr-defined]
        (example,) = await store.run(lambda reader: list(reader.examples))
        (pair,) = await store.run(lambda reader: list(reader.pairs))
        assert example.messages[-1].content == "Selam! Ben **JESSY** ✨!"
        assert (pair.chosen, pair.rejected) == ("Selam! Ben **JESSY** ✨!", "Selam! Ben **JESSY** ✨")
        assert pair.provenance.tag == "replayed"
        await pilot.press("f1")
        await until(pilot, lambda: "1 from chats wait" in text_of(pilot), "the mend on the overview")


async def test_good_and_bad_turns(empty: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    async with chatting(empty, monkeypatch) as (pilot, _):
        store = pilot.app.session.store  # type: ignore[attr-defined]
        await say(pilot, "Kimsin?")
        await replied(pilot, 1)
        await pilot.press("escape", "plus")
        await until(pilot, lambda: "✓ kept" in text_of(pilot), "the sign")
        assert await store.run(lambda reader: len(reader.examples)) == 1

        await pilot.press("minus")
        await until(pilot, lambda: "Shall the suites" in text_of(pilot), "the offer of a case")
        await pilot.press("down", "enter")
        await until(pilot, lambda: (empty.suites / "from-chats.toml").exists(), "the case")
        await until(pilot, lambda: "✗ bad" in text_of(pilot), "the sign")
        assert await store.run(lambda reader: len(reader.examples)) == 0


async def test_sessions_are_found_and_the_draft_is_where_it_was_left(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.models.now", lambda: datetime.now(UTC))
    async with chatting(empty, monkeypatch) as (pilot, _):
        await say(pilot, "Baykuş nedir?")
        await replied(pilot, 1)
        await pilot.press("escape", "n")
        await say(pilot, "Kuş nedir?")
        await replied(pilot, 1)
        assert len(await stored(pilot)) == 2

        await pilot.press("escape", "s")
        await until(pilot, lambda: "Baykuş nedir?" in text_of(pilot), "the list")
        await pilot.press("slash", *"BAYKU")
        await until(pilot, lambda: "BAYKU" in text_of(pilot), "what is typed")
        await until(pilot, lambda: len(pilot.app.screen.query_one("LineList").ids) == 1, "what was found")
        await pilot.press("enter")
        await until(pilot, lambda: words(pilot)[:1] == ["Baykuş nedir?"], "the conversation")
        screen(pilot).prompt.put("yarım kalan")
        async with asyncio.timeout(20):
            while "yarım kalan" not in [chat.draft for chat in await stored(pilot)]:
                await pilot.pause(0.05)
    async with studio(empty) as pilot:
        await pilot.press("f7")
        await until(
            pilot,
            lambda: screen(pilot).query(Transcript) and screen(pilot).prompt.words == "yarım kalan",
            "it",
        )
        assert words(pilot)[0] == "Baykuş nedir?"


async def test_what_a_killed_studio_had_shown_is_there_again(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chatting(empty, monkeypatch, piece("so far"), HANG) as (pilot, _):
        await say(pilot, "Anlat.")
        await until(pilot, lambda: "so far" in text_of(pilot), "the beginning")
        (file,) = (empty.jobs / "replies").iterdir()
        left = file.read_bytes()
        (before,) = await stored(pilot)
    # As after a kill: the question is stored, and the file of the reply is there.
    with Store.open(empty.database) as store:
        store.chat_sessions.put(before)
    file.write_bytes(left)
    async with studio(empty) as pilot:
        await pilot.press("f7")
        await until(pilot, lambda: "the studio ended in the middle" in text_of(pilot), "what was shown")
        assert words(pilot) == ["Anlat.", "so far"]


async def test_copy_and_export(empty: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    async with chatting(empty, monkeypatch) as (pilot, _):
        await say(pilot, "Kimsin?")
        await replied(pilot, 1)
        await pilot.press("escape", "y")
        assert pilot.app.clipboard == "Selam! Ben **JESSY** ✨"
        await pilot.press("x", "X")
        folder = empty.data / "chats"
        await until(pilot, lambda: len(list(folder.glob("*"))) == 2, "both files")
        (markdown,), (document,) = folder.glob("*.md"), folder.glob("*.json")
        assert "Selam! Ben **JESSY** ✨" in markdown.read_text()
        assert json.loads(document.read_text())["messages"][-1]["role"] == "assistant"


async def test_a_session_of_thousands_of_lines_opens_at_its_end_and_grows(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ChatSession(title="", model="replayed")
    text = "# Başlık\n\n" + "Bir satır **kalın** ve `kod`.\n\n" * 20 + "```python\nx = 1\n```\n"
    for number in range(120):
        chat = answered(asked(chat, f"Soru {number}"), ChatTurn(role="assistant", content=text))
    with Store.open(empty.database) as store:
        store.chat_sessions.put(chat)
    async with chatting(empty, monkeypatch) as (pilot, _):
        await until(pilot, lambda: screen(pilot).transcript.virtual_size.height > 5_000, "all lines")
        assert "Soru 119" in words(pilot)
        await say(pilot, "Son soru")
        await until(pilot, lambda: "Son soru" in text_of(pilot) and not screen(pilot).busy, "the reply")
        assert "Selam! Ben JESSY ✨" in text_of(pilot)
        await pilot.press("escape", "home")
        await until(pilot, lambda: "Soru 0" in text_of(pilot), "the first question")


async def test_streaming_draws_the_same_as_showing(empty: Workspace) -> None:
    text = "# Baş\n\n- bir\n- iki\n  1. alt\n\n> al\n> ıntı\n\n"
    text += "```py\nx = 1\n```\n\n|a|b|\n|-|-|\n|1|日本|\n\nSon *söz*."
    async with studio(empty) as pilot:
        await pilot.press("f7")
        await until(pilot, lambda: pilot.app.screen.query(Transcript), "the screen")
        shown_at_once = screen(pilot).transcript
        shown_at_once.show([Entry("a", "JESSY", text, assistant=True)])
        await pilot.pause()
        whole = [
            strip.text for strip in shown_at_once._turns[-1].lines(shown_at_once, 60, shown_at_once._base)
        ]
        for size in (1, 3, 17):
            shown_at_once.show([Entry(f"b{size}", "JESSY", assistant=True)])
            for start in range(0, len(text), size):
                shown_at_once.write(text[start : start + size])
                shown_at_once._flush()
            turn = shown_at_once._turns[-1]
            assert [strip.text for strip in turn.lines(shown_at_once, 60, shown_at_once._base)] == whole
