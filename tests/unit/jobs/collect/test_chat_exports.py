"""Exports of Claude.ai and ChatGPT and sessions of Claude Code become conversations by turn."""

from __future__ import annotations

import json
from typing import Any

from studio.jobs.collect.chats import conversations
from tests.unit.jobs.collect.chatlogs import claude, lines, said

# --- Claude.ai ---------------------------------------------------------------------------------------------


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
