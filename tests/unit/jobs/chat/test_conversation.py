"""The tree of turns: versions, branches, and conversations of older studios."""

from __future__ import annotations

from store.models import ChatSession, ChatTurn
from studio.jobs.chat.conversation import (
    answered,
    asked,
    asked_instead,
    at_version,
    before,
    messages_of,
    shown,
    versions,
)


def said(text: str) -> ChatTurn:
    return ChatTurn(role="assistant", content=text)


def words(conversation: ChatSession) -> list[str]:
    return [turn.content for turn in shown(conversation)]


def test_turns_of_older_versions_follow_each_other() -> None:
    old = ChatSession(
        title="t",
        model="m",
        turns=(ChatTurn(role="user", content="a"), said("b"), ChatTurn(role="user", content="c")),
    )

    assert words(old) == ["a", "b", "c"]
    assert words(answered(old, said("d"))) == ["a", "b", "c", "d"]
    assert [message.content for message in messages_of(old)] == ["a", "b", "c"]


def test_a_second_answer_is_a_version_and_both_can_be_shown() -> None:
    chat = answered(asked(ChatSession(title="", model="m"), "soru"), said("bir"))
    first = shown(chat)[-1].id

    again = answered(before(chat, first), said("iki"))

    assert words(again) == ["soru", "iki"]
    assert [turn.content for turn in versions(again, first)] == ["bir", "iki"]
    assert words(at_version(again, shown(again)[-1].id, -1)) == ["soru", "bir"]
    assert words(at_version(again, shown(again)[-1].id, +1)) == ["soru", "iki"]


def test_another_question_is_a_branch_and_the_old_one_comes_back_with_what_followed() -> None:
    chat = asked(ChatSession(title="", model="m"), "a")
    for text in ("b", "c", "d"):
        chat = answered(chat, said(text)) if text in "bd" else asked(chat, text)
    third = shown(chat)[2].id

    branched = answered(asked_instead(chat, third, "C"), said("D"))

    assert words(branched) == ["a", "b", "C", "D"]
    assert words(at_version(branched, shown(branched)[2].id, -1)) == ["a", "b", "c", "d"]
    other_root = asked_instead(branched, shown(branched)[0].id, "A")
    assert words(other_root) == ["A"]
    assert words(at_version(other_root, shown(other_root)[0].id, -1)) == ["a", "b", "C", "D"]


def test_the_first_question_names_the_session_by_its_first_line() -> None:
    chat = asked(asked(ChatSession(title="", model="m"), "\nMerhaba JESSY!\nNasılsın?"), "x")

    assert chat.title == "Merhaba JESSY!"


def test_questions_without_a_reply_between_them_are_one() -> None:
    chat = asked(answered(asked(ChatSession(title="", model="m"), "a"), said("")), "b")

    assert [(message.role, message.content) for message in messages_of(chat)] == [("user", "a\n\nb")]


def test_what_a_model_thought_is_no_message() -> None:
    thought = said("Çay.").model_copy(update={"thinking": "tea?"})
    chat = answered(asked(ChatSession(title="", model="m"), "a"), thought)

    assert [message.content for message in messages_of(chat)] == ["a", "Çay."]
