"""The chat by keys: asking, cancelling, versions, branches, sessions, and what becomes of a turn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from store.models import ChatSession, ChatTurn
from studio.jobs.chat.conversation import answered, asked, shown
from studio.workspace import Workspace
from tests.fixtures.replayer import GATE, HANG, Replayer, last, piece, replaying
from tests.screens.driver import SIZES, studio, text_of, until
from widgets.transcript import Entry, Transcript

SELAM = (piece("Selam! "), piece("Ben **JESSY** ✨"), last(tokens=6, seconds=0.1))
pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])
async def test_a_reply_comes_with_its_figures_and_is_kept(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with chatting(empty, monkeypatch, size=size) as (pilot, server):
        await say(pilot, "Merhaba JESSY! ığüşöç 日本")
        await replied(pilot, 1)

        assert words(pilot) == ["Merhaba JESSY! ığüşöç 日本", "Selam! Ben **JESSY** ✨"]
        painted = text_of(pilot)
        assert "Selam! Ben JESSY ✨" in painted
        for fact in ("replayed · 6 tokens · 60 tokens/s · first token", "context 1 %"):
            assert fact in painted
        (chat,) = await stored(pilot)
        assert chat.title == "Merhaba JESSY! ığüşöç 日本"
        assert server.asked[0]["messages"][-1]["content"] == "Merhaba JESSY! ığüşöç 日本"


async def test_esc_cancels_keeps_what_came_and_leaves_the_server(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chatting(empty, monkeypatch, piece("so far"), HANG) as (pilot, server):
        await say(pilot, "Anlat.")
        await until(pilot, lambda: "so far" in text_of(pilot), "the beginning")
        # What is sent meanwhile stays in the field.
        await say(pilot, "Sabırsızım")
        assert screen(pilot).prompt.words == "Sabırsızım"

        await pilot.press("escape")
        await replied(pilot, 1)
        await server.left.wait()

        assert "what came is kept" in text_of(pilot)
        (chat,) = await stored(pilot)
        assert shown(chat)[-1].content == "so far"
        assert shown(chat)[-1].ended == "cancelled"


async def test_versions_and_branches_by_keys(empty: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    async with chatting(empty, monkeypatch) as (pilot, server):
        await say(pilot, "Bir?")
        await replied(pilot, 1)
        await pilot.press("escape", "t")
        await replied(pilot, 2)
        assert "‹ 2 of 2 ›" in text_of(pilot)
        assert [message["role"] for message in server.asked[1]["messages"]] == ["system", "user"]
        await pilot.press("left")
        await until(pilot, lambda: "‹ 1 of 2 ›" in text_of(pilot), "the first version")
        await pilot.press("right")
        await until(pilot, lambda: "‹ 2 of 2 ›" in text_of(pilot), "the second version")

        await pilot.press("up", "e")
        await until(pilot, lambda: pilot.app.screen.query("TurnEditor"), "the question to change")
        await pilot.press("İ", "k", "i", ":", "ctrl+s")
        await replied(pilot, 3)
        assert words(pilot)[0] == "Bir?İki:"
        assert screen(pilot).chat.title == "Bir?İki:"
        await pilot.press("home", "left")
        await until(pilot, lambda: words(pilot)[0] == "Bir?", "the old question")
        # What is shown is what is opened the next time.
        await until(pilot, lambda: screen(pilot).chat.current == shown(screen(pilot).chat)[-1].id, "its end")
    async with studio(empty) as pilot:
        await pilot.press("f7")
        await until(
            pilot, lambda: screen(pilot).query(Transcript) and words(pilot)[:1] == ["Bir?"], "the branch"
        )


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
    from store.database import Store

    with Store.open(empty.database) as store:
        store.chat_sessions.put(before)
    file.write_bytes(left)
    async with studio(empty) as pilot:
        await pilot.press("f7")
        await until(pilot, lambda: "the studio ended in the middle" in text_of(pilot), "what was shown")
        assert words(pilot) == ["Anlat.", "so far"]


async def test_without_a_server_the_way_out_is_said(filled: Workspace) -> None:
    async with studio(filled, (160, 50)) as pilot:
        await pilot.press("f7")
        await until(pilot, lambda: screen(pilot).model == "jessy:r2-q8_0" and words(pilot), "the last chat")
        await say(pilot, "Selam!")
        await until(pilot, lambda: "l answers with" in text_of(pilot), "the way out")
        assert "ollama serve" in text_of(pilot)
        assert "Your question is kept." in text_of(pilot)
        await pilot.press("escape")
        assert screen(pilot).check_action("answer_locally", ())


async def test_loading_is_said_and_thoughts_fold(empty: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (GATE, piece(thinking="çay mı?"), piece("Çay."), last(tokens=9, seconds=1))
    async with chatting(empty, monkeypatch, *script) as (pilot, server):
        server.loaded = ()
        await say(pilot, "Ne içelim?")
        await until(pilot, lambda: "load … replayed is read into memory" in text_of(pilot), "the loading")
        server.gate.set()
        await replied(pilot, 1)
        assert "▸ thought, 2 words" in text_of(pilot)
        assert "çay mı?" not in text_of(pilot)
        assert "first thought" in text_of(pilot)
        await pilot.press("escape", "o")
        await until(pilot, lambda: "çay mı?" in text_of(pilot), "the thought")


async def test_a_fault_in_the_middle_keeps_what_came(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chatting(empty, monkeypatch, piece("half"), {"error": "boom [/red]"}) as (pilot, _):
        await say(pilot, "Anlat.")
        await replied(pilot, 1)
        assert words(pilot)[-1] == "half"
        assert "Ollama says: boom [/red]" in " ".join(text_of(pilot).split())


async def test_the_context_warns_before_it_is_full_and_says_what_goes(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (piece("evet"), last(tokens=1, seconds=1) | {"prompt_eval_count": 230})
    async with chatting(empty, monkeypatch, *script, context=256) as (pilot, _):
        await say(pilot, "İlk soru " * 20)
        await replied(pilot, 1)
        await until(pilot, lambda: "no longer reads" in " ".join(text_of(pilot).split()), "the warning")
        assert "“İlk soru" in text_of(pilot)


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


async def test_a_long_paste_is_one_line_and_is_sent_whole_and_history_brings_it_back(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pasted = "Türkçe satır ✨\n" * 6_500
    assert len(pasted.encode()) > 100_000
    async with chatting(empty, monkeypatch) as (pilot, server):
        await pilot.press("i", "S", ":")
        screen(pilot).prompt.post_message(events.Paste(pasted))
        await until(pilot, lambda: "⟦paste 1" in screen(pilot).prompt.text, "the paste")
        await pilot.press("ctrl+j", "?")
        assert screen(pilot).prompt.document.line_count == 2
        await pilot.press("enter")
        await replied(pilot, 1)
        sent = server.asked[0]["messages"][-1]["content"]
        assert sent == f"S:{pasted}\n?"
        await pilot.press("k", "up", "up")
        assert screen(pilot).prompt.words == sent
        await pilot.press("down")
        assert screen(pilot).prompt.words == "k"


async def test_an_emoji_of_several_stays_one_when_it_is_typed(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chatting(empty, monkeypatch) as (pilot, server):
        await pilot.press("i")
        for letter in "👩\u200d💻!":
            key = {"\u200d": "zero_width_joiner", "!": "exclamation_mark"}.get(letter, letter)
            screen(pilot).prompt.post_message(events.Key(key, letter))
        await until(pilot, lambda: screen(pilot).prompt.text.endswith("!"), "the letters")
        await pilot.press("enter")
        await replied(pilot, 1)
        assert server.asked[0]["messages"][-1]["content"] == "👩\u200d💻!"


async def test_parameters_are_asked_with(empty: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    async with chatting(empty, monkeypatch) as (pilot, server):
        await pilot.press("p")
        await until(pilot, lambda: pilot.app.screen.query("#temperature"), "the parameters")
        await pilot.press(*"Kisa", "tab", *"9,5")
        assert "9,5" in text_of(pilot), "what is typed is seen"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "expected 0 to 2" in text_of(pilot), "what is wrong")
        await pilot.press("backspace", "backspace", "backspace", *"0,5", "ctrl+s")
        await until(pilot, lambda: not pilot.app.screen.query("#temperature"), "the chat")
        await say(pilot, "Selam!")
        await replied(pilot, 1)
        assert server.asked[0]["messages"][0]["content"] == "Kisa"
        assert server.asked[0]["options"]["temperature"] == 0.5
        (chat,) = await stored(pilot)
        assert chat.settings.temperature == 0.5


async def test_a_session_of_thousands_of_lines_opens_at_its_end_and_grows(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ChatSession(title="", model="replayed")
    text = "# Başlık\n\n" + "Bir satır **kalın** ve `kod`.\n\n" * 20 + "```python\nx = 1\n```\n"
    for number in range(120):
        chat = answered(asked(chat, f"Soru {number}"), ChatTurn(role="assistant", content=text))
    from store.database import Store

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
