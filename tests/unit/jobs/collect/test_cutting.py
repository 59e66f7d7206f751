"""Files are cut where their language says, with the right lines."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from studio.jobs.collect import chats, code, markdown

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
    (piece,) = markdown.conversation(text)
    assert [(m.role, m.content) for m in piece.messages] == [
        ("user", "Merhaba\nikinci satır"),
        ("assistant", "Selam!\n\nHadi ✨"),
    ]
    assert piece.lines[0] == 3


def test_prose_is_no_chat() -> None:
    assert markdown.conversation("# Notes\n\nThe user: is always right.\n") == []


def test_plan_json_keeps_the_good_rows_and_names_the_bad() -> None:
    rows = [
        {"input": "Nedir?", "output": "Bir desen.", "topic": "owl"},
        {"input": "no answer"},
        "text",
        {"turns": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        {"input": " ", "output": "x"},
    ]
    pieces, skipped = chats.conversations("x.json", json.dumps(rows))
    assert [piece.title for piece in pieces] == ["Nedir?", "a"]
    assert [fault.reason.split(":")[0] for fault in skipped] == ["row 2", "row 3", "row 5"]


def test_plan_json_says_what_it_is_not() -> None:
    assert "not JSON" in chats.conversations("x.json", "{")[1][0].reason
    assert "expected a conversation" in chats.conversations("x.json", "{}")[1][0].reason
    assert "not JSON" in chats.conversations("x.json", "[" * 100_000)[1][0].reason


GO = """package nav

// Dive goes down.
//
// It comes up again.
func (o *Owl[T]) Dive(depth int) (int, error) {
\treturn depth, nil
}

func main() { func() {}() }
"""

TYPESCRIPT = """
/** Adds.
 * @param a the first
 */
export async function add(a: number, b = 1): Promise<number> { return a + b }

// Takes away.
export const sub = (a: number): number => a - 1;

class Owl<T> {
  /** Dives. */
  @logged dive(x: T): void { [1].map(y => y) }
  #scan = () => 3;
}
interface Nothing { here(): void }
declare function neither(): void;
"""


def heads(name: str, text: str) -> list[tuple[str, tuple[int, int], str | None, str | None]]:
    return [(p.title, p.lines, p.signature, p.doc) for p in code.functions(PurePosixPath(name), text)]


def test_go_methods_carry_their_type_signature_and_doc() -> None:
    assert heads("a.go", GO) == [
        (
            "Owl.Dive",
            (3, 8),
            "func (o *Owl[T]) Dive(depth int) (int, error)",
            "Dive goes down.\n\nIt comes up again.",
        ),
        ("main", (10, 10), "func main()", None),
    ]


def test_typescript_functions_methods_and_arrows_are_cut() -> None:
    assert heads("a.ts", TYPESCRIPT) == [
        ("add", (2, 5), "async function add(a: number, b = 1): Promise<number>", "Adds.\n@param a the first"),
        ("sub", (7, 8), "export const sub = (a: number): number", "Takes away."),
        ("dive", (11, 12), "dive(x: T): void", "Dives."),
        ("#scan", (13, 13), "#scan = ()", None),
    ]
    component = "export function A(p: P) { return <div onClick={() => 1}>{p.x}</div> }"
    assert heads("a.tsx", component) == [("A", (1, 1), "function A(p: P)", None)]
    (made,) = code.functions(PurePosixPath("a.mjs"), "const a = function () { return 1 }")
    assert (made.title, made.language) == ("a", "javascript")


def test_rust_and_python_heads_and_docs_are_apart_from_the_body() -> None:
    assert heads("a.rs", RUST)[0][2:] == (
        "pub fn scan(axis: usize) -> Option<usize>",
        "Finds the axis along which the problem changes.\nIt holds the others still.",
    )
    assert heads("a.py", PYTHON) == [
        ("outer", (1, 6), "async def outer(x)", "Doc."),
        ("dive", (9, 10), "def dive(self)", "Looks down first."),
    ]


def test_deep_and_broken_sources_end() -> None:
    assert code.functions(PurePosixPath("a.ts"), "(" * 20_000) == []
    assert code.functions(PurePosixPath("a.go"), "func " * 5_000) is not None
    nested = "function f(){" * 3_000
    assert len(code.functions(PurePosixPath("a.js"), nested)) <= 1


def test_a_speaker_inside_a_code_fence_is_code() -> None:
    text = "**User:** look\n```\nUser: not a turn\n```\n\n**JESSY:** I see\n"
    (piece,) = markdown.conversation(text)
    assert [m.content for m in piece.messages] == ["look\n```\nUser: not a turn\n```", "I see"]
