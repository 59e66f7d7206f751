"""Files are cut where their language says, with the right lines."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from studio.jobs.collect import code, markdown, plan_json

RUST = """use std::fmt;

/// Finds the axis along which the problem changes.
/// It holds the others still.
#[inline]
pub fn scan(axis: usize) -> Option<usize> {
    let closure = |x: usize| x + 1; // }
    Some(closure(axis))
}

impl Navigator {
    // Not documentation of anything below.

    fn go(&self) -> &str { "fn fake() {}" }
}
"""

PYTHON = '''@decorate(1)
async def outer(x):
    """Doc."""
    def inner():
        return x
    return inner

class Owl:
    # Looks down first.
    def dive(self): return "def no(): pass"
'''


def test_rust_functions_come_with_docs_and_attributes() -> None:
    pieces = code.functions(PurePosixPath("a.rs"), RUST)
    assert [(piece.title, piece.lines) for piece in pieces] == [("scan", (3, 9)), ("go", (14, 14))]
    assert pieces[0].text.startswith("/// Finds the axis")
    assert pieces[0].text.endswith("}")
    assert pieces[0].language == "rust"


def test_python_functions_keep_decorators_and_inner_functions() -> None:
    pieces = code.functions(PurePosixPath("a.py"), PYTHON)
    assert [(piece.title, piece.lines) for piece in pieces] == [("outer", (1, 6)), ("dive", (9, 10))]
    assert pieces[0].text.startswith("@decorate(1)")


def test_broken_code_still_gives_its_whole_functions() -> None:
    pieces = code.functions(PurePosixPath("a.py"), "def good():\n    return 1\n\ndef bad(:\n")
    assert pieces[0].title == "good"


def test_turkish_names_and_emoji_keep_their_lines() -> None:
    text = "# ğüşıöç 🎯\n\n\ndef çöz():\n    return '🚀'\n"
    (piece,) = code.functions(PurePosixPath("a.py"), text)
    assert (piece.title, piece.lines) == ("çöz", (4, 5))


def test_markdown_is_cut_at_headings_but_not_inside_fences() -> None:
    text = "before\n\n# One\ntext\n```\n# not a heading\n```\n\nTwo\n---\nmore\n\n# Empty\n\n# Last\nend"
    pieces = markdown.sections(text)
    assert [(piece.title, piece.lines) for piece in pieces] == [
        ("", (1, 2)),
        ("One", (3, 8)),
        ("Two", (9, 12)),
        ("Last", (15, 16)),
    ]


def test_a_chat_log_becomes_turns() -> None:
    text = "# Session\n\n**User:** Merhaba\nikinci satır\n\n**JESSY:** Selam!\n\n**JESSY:** Hadi ✨\n\n**User:** bye"
    piece = markdown.conversation(text)
    assert piece is not None
    assert [(m.role, m.content) for m in piece.messages] == [
        ("user", "Merhaba\nikinci satır"),
        ("assistant", "Selam!\n\nHadi ✨"),
    ]
    assert piece.lines[0] == 3


def test_prose_is_no_chat() -> None:
    assert markdown.conversation("# Notes\n\nThe user: is always right.\n") is None


def test_plan_json_keeps_the_good_rows_and_names_the_bad() -> None:
    rows = [
        {"input": "Nedir?", "output": "Bir desen.", "topic": "owl"},
        {"input": "no answer"},
        "text",
        {"turns": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        {"input": " ", "output": "x"},
    ]
    pieces, skipped = plan_json.examples("x.json", json.dumps(rows))
    assert [piece.title for piece in pieces] == ["Nedir?", "a"]
    assert [fault.reason.split(":")[0] for fault in skipped] == ["row 2", "row 3", "row 5"]


def test_plan_json_says_what_it_is_not() -> None:
    assert "not JSON" in plan_json.examples("x.json", "{")[1][0].reason
    assert "expected a list" in plan_json.examples("x.json", "{}")[1][0].reason
    assert "not JSON" in plan_json.examples("x.json", "[" * 100_000)[1][0].reason
