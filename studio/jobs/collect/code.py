"""Functions of Rust and Python files, cut out by tree-sitter with their doc comments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING

from studio.jobs.collect.pieces import Piece

if TYPE_CHECKING:
    from tree_sitter import Node, Parser


@dataclass(frozen=True)
class Grammar:
    """How one programming language is read."""

    name: str
    module: str
    """The package that carries the tree-sitter grammar."""
    functions: frozenset[str]
    """Node types that are functions."""
    wrappers: frozenset[str]
    """Node types around a function that belong to it, such as decorators."""
    comments: frozenset[str]
    """Sibling nodes directly above a function that are its documentation or attributes."""


_GRAMMARS = {
    ".rs": Grammar(
        name="rust",
        module="tree_sitter_rust",
        functions=frozenset({"function_item"}),
        wrappers=frozenset(),
        comments=frozenset({"line_comment", "block_comment", "attribute_item"}),
    ),
    ".py": Grammar(
        name="python",
        module="tree_sitter_python",
        functions=frozenset({"function_definition"}),
        wrappers=frozenset({"decorated_definition"}),
        comments=frozenset({"comment"}),
    ),
}


def is_code(path: PurePath) -> bool:
    """Say whether there is a grammar for this file."""
    return path.suffix in _GRAMMARS


def functions(path: PurePath, text: str) -> list[Piece]:
    """Return the functions of a source file in their order; functions inside functions stay with the outer one.

    Raises:
        KeyError: there is no grammar for this file (ask `is_code` first).
    """
    grammar = _GRAMMARS[path.suffix]
    source = text.encode()
    pieces: list[Piece] = []
    pending = [_parser(path.suffix).parse(source).root_node]
    while pending:
        node = pending.pop()
        if node.type in grammar.functions:
            pieces.append(_piece(node, grammar, source))
        else:
            pending.extend(reversed(node.children))
    return pieces


@cache
def _parser(suffix: str) -> Parser:
    import importlib

    from tree_sitter import Language, Parser

    return Parser(Language(importlib.import_module(_GRAMMARS[suffix].module).language()))


def _piece(node: Node, grammar: Grammar, source: bytes) -> Piece:
    name = node.child_by_field_name("name")
    title = _text(source, name) if name is not None else "(anonymous)"
    top = node
    if node.parent is not None and node.parent.type in grammar.wrappers:
        top = node.parent
    first = top
    above = first.prev_sibling
    if above is None and top.parent is not None and top.parent.type == "block":
        # Python's grammar puts a comment before a body's first statement in front of the body.
        above = top.parent.prev_sibling
    while above is not None and above.type in grammar.comments and _touches(above, first):
        first, above = above, above.prev_sibling
    start = first.start_point.row
    end = top.end_point.row
    # Not splitlines, to which a form feed ends a line.
    lines = source.decode().split("\n")[start : end + 1]
    return Piece(
        kind="function", title=title, lines=(start + 1, end + 1), text="\n".join(lines), language=grammar.name
    )


def _touches(above: Node, below: Node) -> bool:
    # A Rust doc comment's node ends at column 0 of the next line, so the row difference is 0 or 1.
    return below.start_point.row - above.end_point.row <= 1


def _text(source: bytes, node: Node) -> str:
    return source[node.start_byte : node.end_byte].decode()
