"""Logs of any form become conversations by turn, whatever else their files hold."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.jobs.collect.chats import conversations
from studio.jobs.collect.cut import cut
from studio.jobs.collect.turns import MOST_TURNS
from tests.fixtures.hostile import KNOWN
from tests.unit.jobs.collect.chatlogs import claude, lines, said

AWS = "AKIA" + "IOSFODNN7EXAMPLA"


# --- Other logs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "q"}]},
                {"role": "assistant", "content": "a"},
            ]
        },
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
        {"turns": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        {"prompt": "q", "completion": "a"},
        {"instruction": "q", "input": "", "output": "a"},
        {"input": "q", "output": "a"},
        {"question": "q", "answer": "a"},
    ],
)
def test_every_known_form_is_read_as_json_and_as_lines(value: dict[str, Any]) -> None:
    wanted = [[("user", "q"), ("assistant", "a")]]
    assert said("a.json", json.dumps([value])) == wanted
    assert said("a.jsonl", lines(value)) == wanted
    assert said("a.json", lines(value, value)) == wanted * 2


def test_one_message_a_line_is_one_conversation() -> None:
    text = lines(
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a"},
        {"role": "tool", "content": "x"},
    )
    assert said("a.jsonl", text) == []
    text = lines(
        {"role": "system", "content": "s"},
        {"role": "user", "text": "q"},
        {"speaker": "JESSY", "content": "a"},
    )
    assert said("a.jsonl", text) == [[("system", "s"), ("user", "q"), ("assistant", "a")]]


def test_turns_of_one_side_are_joined_and_ends_without_a_partner_left_out() -> None:
    roles = ["assistant", "user", "user", "assistant", "assistant", "user"]
    value = {"messages": [{"role": role, "content": f"{n}"} for n, role in enumerate(roles)]}
    assert said("a.jsonl", lines(value)) == [[("user", "1\n\n2"), ("assistant", "3\n\n4")]]


def test_orders_in_the_middle_are_left_out() -> None:
    roles = ["system", "user", "system", "user", "assistant", "system"]
    value = {"messages": [{"role": role, "content": f"{n}"} for n, role in enumerate(roles)]}
    assert said("a.jsonl", lines(value)) == [[("system", "0"), ("user", "1\n\n3"), ("assistant", "4")]]


def test_a_long_conversation_is_cut_where_a_question_begins() -> None:
    turns = [
        {"role": "user" if n % 2 == 0 else "assistant", "content": f"{n}"} for n in range(2 * MOST_TURNS + 3)
    ]
    found = said("a.jsonl", lines({"messages": turns}))
    assert [len(part) for part in found] == [MOST_TURNS, MOST_TURNS, 2]
    assert [part[0][0] for part in found] == ["user"] * 3
    assert [content for part in found for _, content in part] == [f"{n}" for n in range(2 * MOST_TURNS + 2)]


def test_damage_costs_only_what_it_hit() -> None:
    good = {"input": "q", "output": "a"}
    pieces, faults = conversations("a.jsonl", lines(good) + '\n{"input": \n\n' + lines(good, [1], {"x": 1}))
    assert [piece.lines for piece in pieces] == [(1, 1), (4, 4)]
    assert [fault.reason.split(":")[0] for fault in faults] == ["row 2", "row 4", "row 5"]
    pieces, faults = conversations("a.json", json.dumps([good, good])[:-1] + ", {broken")
    assert len(pieces) == 2
    assert "row 3: not JSON from here on" in faults[0].reason
    pieces, faults = conversations("a.json", json.dumps([good] + [3] * 200))
    assert len(pieces) == 1
    assert "180 more of its 201 rows" in faults[-1].reason


@pytest.mark.parametrize(
    "text", ["", " \n", "[]", "[", "[,]", "nothing", "[" * 100_000, '{"a":' * 50_000, "[1 2]"]
)
def test_what_is_no_log_is_no_log(text: str) -> None:
    for path in ("a.json", "a.jsonl"):
        pieces, _ = conversations(path, text)
        assert pieces == []


def test_hostile_words_come_through_as_words() -> None:
    for text in KNOWN:
        value = {
            "title": text,
            "messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "a"}],
        }
        pieces, _ = conversations("a.jsonl", json.dumps(value))
        for piece in pieces:
            assert len(piece.title) <= 120
            # All of it can be written to the store.
            (piece.title + piece.text).encode()
        assert len(pieces) == (1 if text.strip() else 0)


def test_a_key_holds_its_conversation_back_and_no_other() -> None:
    rows = [
        {"input": "q", "output": "a"},
        {"input": f"why is {AWS} refused?", "output": "b"},
        {"input": "r", "output": "c"},
    ]
    for path, text in (("a.jsonl", lines(*rows)), ("a.json", json.dumps(rows, indent=1))):
        made = cut(path, text)
        assert [piece.messages[1].content for piece in made.pieces] == ["a", "c"]
        (held,) = made.held
        assert AWS in text.split("\n")[held.line - 1]
        assert (held.kind, held.conversation) == ("AWS Access Key", "conversation 2")
        assert AWS[4:] not in repr(made)


def test_a_key_in_the_name_of_a_conversation_holds_it_back() -> None:
    talk = ({"sender": "human", "text": "q"}, {"sender": "assistant", "text": "a"})
    made = cut("conversations.json", json.dumps([claude(*talk, name=f"about {AWS}"), claude(*talk)]))
    assert [piece.title for piece in made.pieces] == ["Owl"]
    assert [held.conversation for held in made.held] == ["conversation 1"]


def test_personal_data_is_marked_and_not_repeated() -> None:
    made = cut("a.jsonl", lines({"input": "Bana ayse.kaya@posta.com.tr yaz", "output": "Olur"}))
    (mark,) = made.marked
    assert (mark.line, mark.kinds) == (1, "e-mail (turn 1)")
    assert len(made.pieces) == 1


# --- Anything else -----------------------------------------------------------------------------------------

_KEYS = st.sampled_from(
    [
        *(
            "chat_messages",
            "mapping",
            "current_node",
            "messages",
            "conversations",
            "turns",
            "input",
            "output",
        ),
        *(
            "sender",
            "role",
            "from",
            "content",
            "text",
            "value",
            "parts",
            "message",
            "author",
            "metadata",
            "parent",
        ),
        *(
            "type",
            "uuid",
            "parentUuid",
            "sessionId",
            "isMeta",
            "title",
            "name",
            "children",
            "content_type",
            "summary",
        ),
    ]
)
_WORDS = st.sampled_from(
    ["user", "assistant", "human", "text", "summary", "a", "b", "", "\ud800", "\x1b[31m", "tool", "system"]
)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), _WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(_KEYS, _WORDS), inner, max_size=6)
    ),
    max_leaves=30,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_VALUES, max_size=4))
def test_whatever_a_log_holds_its_pieces_are_conversations(values: list[Any]) -> None:
    for path, text in (
        ("a.json", json.dumps(values)),
        ("a.jsonl", "\n".join(json.dumps(value) for value in values)),
    ):
        for piece in cut(path, text).pieces:
            roles = [message.role for message in piece.messages if message.role != "system"]
            assert roles[0] == "user"
            assert roles[-1] == "assistant"
            assert all(one != other for one, other in pairwise(roles))
            assert all(message.content.strip() for message in piece.messages)
            (piece.title + piece.text).encode()
