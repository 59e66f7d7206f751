"""Chat exports and sessions become conversations by turn, whatever else their files hold."""

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

AWS = "AKIA" + "IOSFODNN7EXAMPLA"


def said(path: str, text: str) -> list[list[tuple[str, str]]]:
    return [[(m.role, m.content) for m in piece.messages] for piece in conversations(path, text)[0]]


def lines(*values: Any) -> str:
    return "\n".join(json.dumps(value, ensure_ascii=False) for value in values)


# --- Claude.ai ---------------------------------------------------------------------------------------------


def claude(*messages: dict[str, Any], name: str = "Owl") -> dict[str, Any]:
    return {"uuid": "1", "name": name, "created_at": "2026-01-01T00:00:00Z", "chat_messages": list(messages)}


def test_claude_ai_exports_give_words_without_thoughts_and_tools() -> None:
    parts = [
        {"type": "thinking", "thinking": "hmm"},
        {"type": "text", "text": "Önce geniş bakar."},
        {"type": "tool_use", "name": "search", "input": {}},
        {"type": "tool_result", "content": [{"type": "text", "text": "raw"}]},
        {"type": "text", "text": "Sonra dalar."},
    ]
    export = [
        claude(
            {
                "sender": "human",
                "text": "Owl pattern nedir?",
                "content": [{"type": "text", "text": "Owl pattern nedir?"}],
            },
            {"sender": "assistant", "text": "", "content": parts},
            {
                "sender": "human",
                "text": "only older exports have text",
                "attachments": [{"file_name": "x.pdf"}],
            },
            {"sender": "assistant", "text": "yes"},
            {"sender": "human", "text": "no reply"},
        ),
        claude(name="opened, and nothing said"),
    ]
    text = json.dumps(export, indent=1, ensure_ascii=False)
    (piece,), faults = conversations("conversations.json", text)
    assert faults == []
    assert [(m.role, m.content) for m in piece.messages] == [
        ("user", "Owl pattern nedir?"),
        ("assistant", "Önce geniş bakar.\n\nSonra dalar."),
        ("user", "only older exports have text"),
        ("assistant", "yes"),
    ]
    assert (piece.title, piece.origin, piece.kind) == ("Owl", "claude.ai", "conversation")
    first, last = piece.lines
    assert json.loads("\n".join(text.split("\n")[first - 1 : last]).strip().rstrip(","))["name"] == "Owl"
    assert said("conversations.json", json.dumps({"conversations": export}))[0][0] == (
        "user",
        "Owl pattern nedir?",
    )
    assert said("one.json", json.dumps(export[0]))[0][3] == ("assistant", "yes")


# --- ChatGPT -----------------------------------------------------------------------------------------------


def node(
    key: str,
    parent: str | None,
    role: str,
    words: Any,
    *,
    kind: str = "text",
    children: tuple[str, ...] = (),
    **more: Any,
) -> dict[str, Any]:
    message = {
        "author": {"role": role},
        "content": {"content_type": kind, "parts": words},
        "metadata": {},
        **more,
    }
    return {"id": key, "parent": parent, "children": list(children), "message": message}


def chatgpt() -> dict[str, Any]:
    hidden = {"is_visually_hidden_from_conversation": True}
    nodes = [
        {"id": "root", "parent": None, "children": ["s"], "message": None},
        node("s", "root", "system", ["secret orders"], metadata=hidden),
        node("u1", "s", "user", ["What is a borrow?"]),
        node("a0", "u1", "assistant", ["An earlier answer"]),
        node("t", "u1", "assistant", ["thinking"], kind="thoughts"),
        node("c", "t", "assistant", ["print(1)"], kind="code", recipient="python"),
        node("o", "c", "tool", ["1"]),
        node("a1", "o", "assistant", ["A loan."], metadata={"model_slug": "gpt-4o"}),
        node(
            "u2", "a1", "user", [{"content_type": "image_asset_pointer"}, "And this?"], kind="multimodal_text"
        ),
        node("a2", "u2", "assistant", ["A picture."], metadata={"model_slug": "gpt-5"}),
    ]
    return {"title": "Borrows", "mapping": {each["id"]: each for each in nodes}, "current_node": "a2"}


def test_chatgpt_exports_give_the_branch_that_was_looked_at_last() -> None:
    (piece,), faults = conversations("conversations.json", json.dumps([chatgpt()]))
    assert faults == []
    assert [(m.role, m.content) for m in piece.messages] == [
        ("user", "What is a borrow?"),
        ("assistant", "A loan."),
        ("user", "And this?"),
        ("assistant", "A picture."),
    ]
    assert (piece.title, piece.origin, piece.model) == ("Borrows", "chatgpt", "gpt-5")


def test_a_chatgpt_tree_without_its_place_or_in_a_circle_ends() -> None:
    lost = {**chatgpt(), "current_node": "nowhere"}
    assert said("c.json", json.dumps([lost]))[0][-1] == ("assistant", "A picture.")
    circle = chatgpt()
    circle["mapping"]["u1"]["parent"] = "a2"
    assert said("c.json", json.dumps([circle]))[0][0] == ("user", "What is a borrow?")
    assert conversations("c.json", json.dumps([{"mapping": {"a": 3, "b": {"message": "x"}}}])) == ([], [])


# --- Claude Code -------------------------------------------------------------------------------------------


def row(kind: str, uuid: str, parent: str | None, content: Any, **more: Any) -> dict[str, Any]:
    message = {"role": kind, "content": content} | (
        {"model": "claude-opus-5-5"} if kind == "assistant" else {}
    )
    return {"type": kind, "uuid": uuid, "parentUuid": parent, "sessionId": "s", "message": message, **more}


def test_claude_code_sessions_give_what_was_said_by_both() -> None:
    tool_use = [{"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}}]
    tool_result = [{"type": "tool_result", "tool_use_id": "t", "content": "owl.rs"}]
    reminder = "<system-reminder>be good</system-reminder>\nNow explain it"
    text = lines(
        {"type": "summary", "summary": "Owls", "leafUuid": "9"},
        {"type": "file-history-snapshot", "messageId": "x", "snapshot": {}},
        row("user", "0", None, "Caveat: made by the program", isMeta=True),
        row("user", "1", "0", "List the files"),
        row("assistant", "2", "1", [{"type": "thinking", "thinking": "…"}]),
        row("assistant", "3", "2", [{"type": "text", "text": "I look."}]),
        row("assistant", "4", "3", tool_use),
        row("user", "5", "4", tool_result, toolUseResult={"stdout": "owl.rs"}),
        row("assistant", "6", "5", [{"type": "text", "text": "There is owl.rs."}]),
        row("assistant", "side", "6", [{"type": "text", "text": "a sub-agent"}], isSidechain=True),
        row("user", "rewound", "6", "Delete all"),
        row("assistant", "gone", "rewound", [{"type": "text", "text": "Deleting"}]),
        {"type": "system", "uuid": "sys", "parentUuid": "6", "sessionId": "s", "content": "hook"},
        row("user", "7", "sys", [{"type": "text", "text": reminder}]),
        row("assistant", "8", "7", [{"type": "text", "text": "It scans."}]),
        row("user", "9", "8", "<command-name>/exit</command-name>"),
    )
    (piece,), faults = conversations("session.jsonl", text)
    assert faults == []
    assert [(m.role, m.content) for m in piece.messages] == [
        ("user", "List the files"),
        ("assistant", "I look.\n\nThere is owl.rs."),
        ("user", "Now explain it"),
        ("assistant", "It scans."),
    ]
    assert (piece.title, piece.origin, piece.model, piece.lines) == (
        "Owls",
        "claude-code",
        "claude-opus-5-5",
        (4, 15),
    )


def test_a_session_that_was_trimmed_is_read_in_its_order() -> None:
    text = lines(
        row("user", "5", "missing", "a"),
        row("assistant", "6", "5", "b"),
        row("user", "8", "7", "c"),
        row("assistant", "9", "8", "d"),
    )
    assert said("s.jsonl", "{torn\n" + text) == [
        [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
    ]
    assert [fault.reason.split(":")[0] for fault in conversations("s.jsonl", "{torn\n" + text)[1]] == [
        "row 1"
    ]


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
