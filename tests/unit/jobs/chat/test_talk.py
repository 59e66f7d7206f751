"""An answer as it is kept: whole, cancelled, failed, and after a kill."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from store.live import AsyncStore
from store.models import ChatSession, ChatSettings
from studio.jobs.chat.conversation import asked, shown
from studio.jobs.chat.growing import recover
from studio.jobs.chat.talk import Answer
from studio.jobs.events import Event, Failed, Replied, Stage, Thought, Token
from studio.workspace import Workspace
from tests.fixtures.ollama import free_port
from tests.fixtures.replayer import GATE, HANG, last, piece, replaying


def question(text: str = "Merhaba!", **settings: object) -> ChatSession:
    chat = ChatSession(title="", model="replayed", settings=ChatSettings.model_validate(settings))
    return asked(chat, text)


async def stored(store: AsyncStore, chat: ChatSession) -> ChatSession:
    found = await store.run(lambda reader: reader.chat_sessions.get(chat.id))
    assert found is not None
    return found


async def test_the_question_is_stored_before_the_reply_and_the_reply_with_its_figures(
    workspace: Workspace, store: AsyncStore
) -> None:
    async with replaying(piece("Selam"), GATE, piece("!"), last(tokens=2, seconds=0.5)) as server:
        answer = Answer(question(), workspace, store, host=server.host)
        async for event in answer.events():
            if isinstance(event, Token) and event.text == "Selam":
                between = await stored(store, answer.conversation)
                server.gate.set()

    assert [turn.content for turn in shown(between)] == ["Merhaba!"]
    kept = shown(await stored(store, answer.conversation))
    assert [turn.content for turn in kept] == ["Merhaba!", "Selam!"]
    assert (kept[1].tokens, kept[1].tokens_per_second, kept[1].ended) == (2, 4.0, "stop")
    assert (kept[1].context_tokens, kept[1].context_size) == (7, 2048)
    assert not list((workspace.jobs / "replies").glob("*"))


async def test_a_stopped_reply_keeps_what_came_and_leaves_the_server(
    workspace: Workspace, store: AsyncStore
) -> None:
    async with replaying(piece("so "), piece("far"), HANG) as server:
        answer = Answer(question(), workspace, store, host=server.host)
        async for event in answer.events():
            if isinstance(event, Token) and event.text == "far":
                answer.stop()
        await server.left.wait()

    turn = shown(await stored(store, answer.conversation))[-1]
    assert (turn.content, turn.ended) == ("so far", "cancelled")


async def test_a_stream_that_is_closed_keeps_what_came(workspace: Workspace, store: AsyncStore) -> None:
    async with replaying(piece("so far"), HANG) as server:
        answer = Answer(question(), workspace, store, host=server.host)
        async with aclosing(answer.events()) as events:
            async for event in events:
                if isinstance(event, Token):
                    break

    assert shown(await stored(store, answer.conversation))[-1].content == "so far"


async def test_a_fault_in_the_middle_is_a_turn_that_says_so(workspace: Workspace, store: AsyncStore) -> None:
    async with replaying(piece("half"), {"error": "runner has terminated"}) as server:
        answer = Answer(question(), workspace, store, host=server.host)
        events = [event async for event in answer.events()]

    assert isinstance(events[-1], Failed)
    turn = shown(await stored(store, answer.conversation))[-1]
    assert (turn.content, turn.ended) == ("half", "failed")
    assert "runner has terminated" in turn.fault


async def test_without_a_server_the_question_is_kept_and_a_local_model_is_offered(
    workspace: Workspace, store: AsyncStore
) -> None:
    answer = Answer(question(), workspace, store, host=f"http://127.0.0.1:{free_port()}")
    events = [event async for event in answer.events()]

    failed = events[-1]
    assert isinstance(failed, Failed)
    assert failed.cause == "server"
    assert answer.turn is None
    assert [turn.content for turn in shown(await stored(store, answer.conversation))] == ["Merhaba!"]


async def test_an_old_server_is_told_from_a_missing_model(workspace: Workspace, store: AsyncStore) -> None:
    async with replaying({"error": "not found"}, status=404, version="0.1.2") as server:
        answer = Answer(question(), workspace, store, host=server.host)
        events = [event async for event in answer.events()]

    assert isinstance(events[-1], Failed)
    assert "0.1.2 is too old" in events[-1].what


async def test_a_reply_that_never_ends_is_ended_at_its_limit(workspace: Workspace, store: AsyncStore) -> None:
    async with replaying(*[piece("x")] * 200, HANG) as server:
        answer = Answer(question(max_tokens=20), workspace, store, host=server.host)
        events = [event async for event in answer.events()]

    done = events[-1]
    assert isinstance(done, Replied)
    assert done.at_limit
    assert 20 < len(done.text) < 200
    assert server.asked[0]["options"]["num_predict"] == 20


async def test_thoughts_fold_out_of_the_reply_and_each_has_its_first_time(
    workspace: Workspace, store: AsyncStore
) -> None:
    script = (piece("<think>tea"), piece("?</think>"), piece("Çay."), last(tokens=9, seconds=1))
    async with replaying(*script) as server:
        answer = Answer(question(), workspace, store, host=server.host)
        events = [event async for event in answer.events()]

    assert [event.text for event in events if isinstance(event, Thought)] == ["tea", "?"]
    assert [event.state for event in events if isinstance(event, Stage)] == ["running", "done"]
    assert answer.turn is not None
    assert (answer.turn.content, answer.turn.thinking) == ("Çay.", "tea?")
    first, thought = answer.turn.first_token_seconds, answer.turn.first_thought_seconds
    assert first is not None
    assert thought is not None
    assert thought <= first


async def test_parameters_and_system_prompt_of_the_conversation_are_asked_with(
    workspace: Workspace, store: AsyncStore
) -> None:
    asking = question(system="Kısa konuş.", temperature=0.1, context_size=4096)
    async with replaying(piece("a"), last(tokens=1, seconds=1)) as server:
        async for _ in Answer(asking, workspace, store, host=server.host).events():
            pass

    assert server.asked[0]["messages"][0] == {"role": "system", "content": "Kısa konuş."}
    assert server.asked[0]["options"]["temperature"] == 0.1
    assert server.asked[0]["options"]["num_ctx"] == 4096


async def test_what_a_killed_studio_had_shown_is_a_turn_again(
    workspace: Workspace, store: AsyncStore
) -> None:
    async with replaying(piece("so far "), piece("🦉"), piece("\ud83d"), HANG) as server:
        answer = Answer(question(), workspace, store, host=server.host)
        events: list[Event] = []
        async with aclosing(answer.events()) as stream:
            async for event in stream:
                events.append(event)
                if len([item for item in events if isinstance(item, Token)]) == 3:
                    (file,) = (workspace.jobs / "replies").iterdir()
                    assert file.stat().st_mode & 0o077 == 0
                    # What a kill leaves: this file, perhaps with a line that was cut off.
                    left = file.read_bytes() + b'{"text": "cu'
                    break
        # Closing has kept the turn; take that back, as a kill would have left it.
        await store.write(lambda writer: writer.chat_sessions.put(question_of(answer)))
        file.write_bytes(left)

    assert await recover(workspace, store) == 1
    assert await recover(workspace, store) == 0
    turn = shown(await stored(store, answer.conversation))[-1]
    assert (turn.content, turn.ended) == ("so far 🦉\ufffd", "killed")


def question_of(answer: Answer) -> ChatSession:
    turns = answer.conversation.turns[:1]
    return answer.conversation.model_copy(update={"turns": turns, "current": turns[0].id})


@pytest.mark.parametrize("name", ["abc", "../../etc"])
async def test_a_left_over_file_of_no_session_harms_nothing(
    workspace: Workspace, store: AsyncStore, name: str
) -> None:
    folder = workspace.jobs / "replies"
    folder.mkdir(parents=True)
    (folder / "x.jsonl").write_text(f'{{"session": "{name}", "turn": 3}}\nrubbish\n{{"text": "y"}}\n')

    assert await recover(workspace, store) == 0
    assert not list(folder.iterdir())
