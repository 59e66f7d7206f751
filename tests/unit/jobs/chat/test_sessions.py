"""Conversations found, opened, exported; and a context that fills."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from store.database import Store
from store.models import ChatSession, ChatTurn, now
from studio.jobs.chat.context import room
from studio.jobs.chat.conversation import answered, asked, before, shown
from studio.jobs.chat.export import as_json, as_markdown, write_export
from studio.jobs.chat.sessions import listed, newest, questions


def talk(title: str, reply: str = "Tamam.", minutes: int = 0, **figures: int) -> ChatSession:
    chat = answered(
        asked(ChatSession(title="", model="jessy:r2"), title),
        ChatTurn(role="assistant", content=reply, **figures),
    )
    return chat.model_copy(update={"opened_at": now() + timedelta(minutes=minutes)})


def test_sessions_are_found_by_title_and_by_what_was_said_as_turkish_writes_it(tmp_path: Path) -> None:
    with Store.open(tmp_path / "db") as store:
        store.chat_sessions.put_many(
            [talk("Owl pattern nedir?", minutes=1), talk("Selam", "İlk satır\nISTANBUL'a gidelim", minutes=2)]
        )

        assert [item.title for item in listed(store)] == ["Selam", "Owl pattern nedir?"]
        assert [item.title for item in listed(store, "OWL")] == ["Owl pattern nedir?"]
        (found,) = listed(store, "istanbul")
        assert found.found == "ISTANBUL'a gidelim"
        assert listed(store, "nothing of this") == []


def test_the_one_that_was_open_last_is_opened(tmp_path: Path) -> None:
    with Store.open(tmp_path / "db") as store:
        assert newest(store) is None
        old, new = talk("eski", minutes=5), talk("yeni", minutes=1)
        store.chat_sessions.put_many([new, old])
        assert newest(store) == old


def test_questions_come_once_the_newest_last(tmp_path: Path) -> None:
    with Store.open(tmp_path / "db") as store:
        for text in ("bir", "iki", "bir"):
            store.chat_sessions.put(talk(text))
        assert questions(store) == ["iki", "bir"]


def test_exports_have_what_is_shown_and_json_has_every_version(tmp_path: Path) -> None:
    chat = talk("Başlık: ../x?", "bir")
    chat = answered(
        before(chat, shown(chat)[-1].id), ChatTurn(role="assistant", content="iki", thinking="hm")
    )

    markdown = as_markdown(chat, "JESSY")
    assert "## You\n\nBaşlık: ../x?" in markdown
    assert "## JESSY" in markdown
    assert "iki" in markdown
    assert "bir" not in markdown
    document = json.loads(as_json(chat))
    assert [message["content"] for message in document["messages"]] == ["Başlık: ../x?", "iki"]
    assert [turn["content"] for turn in document["turns"]] == ["Başlık: ../x?", "bir", "iki"]

    path = write_export(chat, tmp_path / "out", "md", "JESSY")
    assert path.parent == tmp_path / "out"
    assert path.read_text(encoding="utf-8") == markdown
    assert path.stat().st_mode & 0o077 == 0


def test_room_is_unknown_before_the_model_has_counted() -> None:
    assert room(talk("x")) is None
    assert room(ChatSession(title="", model="m"), "draft") is None


def test_a_warning_comes_before_the_context_is_full_and_says_what_goes() -> None:
    roomy = talk("soru", "a" * 400, tokens=100, context_tokens=200, context_size=2048)
    assert (found := room(roomy)) is not None
    assert not found.tight

    near = talk("soru", "a" * 400, tokens=100, context_tokens=1700, context_size=2048)
    assert (found := room(near)) is not None
    assert found.tight
    assert not found.dropped
    assert (found := room(near, "b" * 2000)) is not None
    assert [turn.content for turn in found.dropped] == ["soru", "a" * 400][: len(found.dropped)]
    assert found.dropped
