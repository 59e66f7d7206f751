"""How programming languages are read: which nodes of a tree-sitter grammar are functions, and what belongs to them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser


@dataclass(frozen=True)
class Grammar:
    """How one programming language is read."""

    name: str
    module: str
    """The package that carries the tree-sitter grammar."""
    functions: frozenset[str]
    """Node types that are functions."""
    wrappers: frozenset[str] = frozenset()
    """Node types around a function that belong to it, such as decorators and exports."""
    comments: frozenset[str] = frozenset({"comment"})
    """Sibling nodes directly above a function that are its documentation or attributes."""
    entry: str = "language"
    """The function of the module that gives the grammar."""
    values: frozenset[str] = frozenset()
    """Functions without a name of their own, which get that of the variable or field they are given to."""


_TYPESCRIPT = frozenset(
    {
        *("function_declaration", "generator_function_declaration", "method_definition"),
        *("function_expression", "arrow_function"),
    }
)
_GIVEN = frozenset({"arrow_function", "function_expression"})
_AROUND = frozenset(
    {"export_statement", "lexical_declaration", "variable_declarator", "public_field_definition"}
)


def _typescript(name: str, entry: str) -> Grammar:
    return Grammar(
        name=name,
        module="tree_sitter_typescript",
        functions=_TYPESCRIPT,
        wrappers=_AROUND,
        comments=frozenset({"comment", "decorator"}),
        entry=entry,
        values=_GIVEN,
    )


_RUST = Grammar(
    name="rust",
    module="tree_sitter_rust",
    functions=frozenset({"function_item"}),
    comments=frozenset({"line_comment", "block_comment", "attribute_item"}),
)
_PYTHON = Grammar(
    name="python",
    module="tree_sitter_python",
    functions=frozenset({"function_definition"}),
    wrappers=frozenset({"decorated_definition"}),
)
_GO = Grammar(
    name="go",
    module="tree_sitter_go",
    functions=frozenset({"function_declaration", "method_declaration"}),
)
# JavaScript is read by the grammar of TypeScript with JSX, of which it is a part.
_JAVASCRIPT = _typescript("javascript", "language_tsx")

GRAMMARS: dict[str, Grammar] = {
    ".rs": _RUST,
    ".py": _PYTHON,
    ".go": _GO,
    **dict.fromkeys((".ts", ".mts", ".cts"), _typescript("typescript", "language_typescript")),
    ".tsx": _typescript("typescript", "language_tsx"),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs"), _JAVASCRIPT),
}
"""By the ending of the file's name."""


@cache
def parser(suffix: str) -> Parser:
    """Return the parser of files with this ending."""
    from tree_sitter import Language, Parser

    grammar = GRAMMARS[suffix]
    return Parser(Language(getattr(importlib.import_module(grammar.module), grammar.entry)()))
