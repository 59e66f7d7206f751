"""The chat by keys: asking, cancelling, versions and branches, what is said of faults, and what one types."""

from __future__ import annotations

import pytest
from textual import events

from store.database import Store
from store.models import Deployment
from studio.jobs.chat.conversation import shown
from studio.workspace import Workspace
from tests.fixtures.replayer import GATE, HANG, last, piece
from tests.screens.chatting import chatting, replied, say, screen, stored, words
from tests.screens.driver import SIZES, studio, text_of, until
from tests.screens.reviewing import choose
from widgets.transcript import Transcript

pytestmark = pytest.mark.slow


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


async def test_that_another_tag_is_deployed_now_is_said_and_a_key_away(filled: Workspace) -> None:
    async with studio(filled, (160, 50)) as pilot:
        await pilot.press("f7")
        await until(pilot, lambda: screen(pilot).model == "jessy:r2-q8_0" and words(pilot), "the last chat")
        assert "is deployed now" not in text_of(pilot)
        store = pilot.app.session.store  # type: ignore[attr-defined]

        def deploy(database: Store) -> None:
            for old in database.deployments:
                database.deployments.put(old.model_copy(update={"current": False}))
            database.deployments.put(Deployment(tag="jessy:r3-q8_0", checkpoint_id="c", run_id="r"))

        await store.write(deploy)
        await until(pilot, lambda: "jessy:r3-q8_0 is deployed now (m)" in text_of(pilot), "what is new")
        await pilot.press("escape", "m")
        await choose(pilot, "jessy:r3-q8_0")
        await until(pilot, lambda: screen(pilot).model == "jessy:r3-q8_0", "the new one")
        assert "is deployed now" not in text_of(pilot)
