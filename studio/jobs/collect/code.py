"""Functions of Rust, Go, Python and TypeScript files, cut out by tree-sitter with signature and doc comment."""

from __future__ import annotations

import inspect
import re
from pathlib import PurePath
from typing import TYPE_CHECKING

from studio.jobs.collect.grammars import GRAMMARS, Grammar, parser
from studio.jobs.collect.pieces import Piece

if TYPE_CHECKING:
    from tree_sitter import Node

_MOST_SIGNATURE = 400
_SIGNS = re.compile(r"^\s*(?:///?!?|//!|#+!?|/\*\*?!?|\*(?!/))[ \t]?", re.MULTILINE)
_END = re.compile(r"\s*\*/\s*\Z")
_SPACE = re.compile(r"\s+")


def is_code(path: PurePath) -> bool:
    """Say whether there is a grammar for this file."""
    return path.suffix in GRAMMARS


def functions(path: PurePath, text: str) -> list[Piece]:
    """Return the functions of a source file in their order; functions inside functions stay with the outer one.

    Raises:
        KeyError: there is no grammar for this file (ask `is_code` first).
    """
    grammar = GRAMMARS[path.suffix]
    source = text.encode()
    # Not splitlines, to which a form feed ends a line.
    lines = text.split("\n")
    pieces: list[Piece] = []
    pending = [parser(path.suffix).parse(source).root_node]
    while pending:
        node = pending.pop()
        if node.type in grammar.functions and (piece := _piece(node, grammar, source, lines)) is not None:
            pieces.append(piece)
        else:
            pending.extend(reversed(node.children))
    return pieces


def _piece(node: Node, grammar: Grammar, source: bytes, lines: list[str]) -> Piece | None:
    """Return the function's piece; None for one without a name that is given to nothing, such as a callback."""
    title = _title(node, grammar, source)
    if title is None:
        return None
    top = node
    while top.parent is not None and top.parent.type in grammar.wrappers:
        top = top.parent
    first = top
    above = first.prev_sibling
    if above is None and top.parent is not None and top.parent.type == "block":
        # Python's grammar puts a comment before a body's first statement in front of the body.
        above = top.parent.prev_sibling
    said: list[Node] = []
    while above is not None and above.type in grammar.comments and _touches(above, first):
        said.insert(0, above)
        first, above = above, above.prev_sibling
    start, end = first.start_point.row, top.end_point.row
    return Piece(
        kind="function",
        title=title,
        lines=(start + 1, end + 1),
        text="\n".join(lines[start : end + 1]),
        language=grammar.name,
        signature=_signature(node, top, source),
        doc=_doc(node, said, grammar, source),
    )


def _title(node: Node, grammar: Grammar, source: bytes) -> str | None:
    name = node.child_by_field_name("name")
    if name is None and node.type in grammar.values and node.parent is not None:
        name = node.parent.child_by_field_name("name")
    if name is None:
        return None if node.type in grammar.values else "(anonymous)"
    title = _text(source, name)
    receiver = node.child_by_field_name("receiver")
    if receiver is not None and (kind := re.search(r"(\w+)(?:\[[^\]]*\])?\s*\)\Z", _text(source, receiver))):
        # Go's methods stand outside of their type.
        return f"{kind[1]}.{title}"
    return title


def _signature(node: Node, top: Node, source: bytes) -> str:
    """Return the head in one line: what stands before the body."""
    body = node.child_by_field_name("body")
    start = node.start_byte
    if top is not node and node.type not in ("function_definition", "function_declaration"):
        start = top.start_byte
    head = source[start : body.start_byte if body is not None else node.end_byte].decode()
    head = re.sub(r"^(?:\s*@[^\n]*\n)+", "", head)
    return _SPACE.sub(" ", head).strip().removesuffix("=>").rstrip(" :")[:_MOST_SIGNATURE]


def _doc(node: Node, said: list[Node], grammar: Grammar, source: bytes) -> str | None:
    """Return what the comment above, or Python's string below the head, says."""
    body = node.child_by_field_name("body")
    if grammar.name == "python" and body is not None and body.named_child_count:
        statement = body.named_children[0]
        inner = statement.named_children[0] if statement.named_child_count else None
        text = statement if statement.type == "string" else inner
        if (
            statement.type in ("expression_statement", "string")
            and text is not None
            and text.type == "string"
        ):
            content = [c for c in text.named_children if c.type == "string_content"]
            return inspect.cleandoc("".join(_text(source, c) for c in content)) or None
    comments = [_text(source, each) for each in said if "comment" in each.type]
    plain = "\n".join(_SIGNS.sub("", _END.sub("", each.rstrip())) for each in comments)
    return inspect.cleandoc(plain).strip() or None


def _touches(above: Node, below: Node) -> bool:
    # A Rust doc comment's node ends at column 0 of the next line, so the row difference is 0 or 1.
    return below.start_point.row - above.end_point.row <= 1


def _text(source: bytes, node: Node) -> str:
    return source[node.start_byte : node.end_byte].decode()
