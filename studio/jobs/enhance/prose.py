"""Where a reply is prose: additions go there and never into code."""

from __future__ import annotations

import re
from functools import cache, lru_cache

import orjson
from markdown_it import MarkdownIt
from markdown_it.token import Token

_CODE = frozenset({"fence", "code_block", "code_inline", "html_block", "html_inline"})
_MAY_BE_CODE = re.compile(r"[`~<]|^(?: {4}|\t)", re.MULTILINE)
_ENDS = tuple(".!?…)\"'”’*_")


def in_front(text: str, words: str) -> str | None:
    """Return the reply with a sentence in front: on the line of its first words, or on one of its own above."""
    first = next(iter(_blocks(text)), None)
    if first is None:
        return None
    body = text.lstrip("\n")
    starts_with_prose = first.type == "paragraph_open" and not body.startswith((" ", "\t"))
    return _checked(text, f"{words} {body}" if starts_with_prose else f"{words}\n\n{body}")


def at_end(text: str, words: str) -> str | None:
    """Return the reply with words behind its last paragraph of prose; None where there is none."""
    if "\r" in text:
        # The parser counts these as ends of lines, too; nobody writes them.
        return None
    lines = text.split("\n")
    for block in reversed(_blocks(text)):
        if block.type != "paragraph_open" or block.map is None:
            continue
        last = block.map[1] - 1
        ended = lines[last].rstrip()
        # A line that leads to code or to a list is no place to celebrate.
        if not ended.endswith(_ENDS) and not ended[-1:].isalnum() and not _ends_with_sign(ended):
            continue
        lines[last] = f"{ended} {words}"
        return _checked(text, "\n".join(lines))
    return None


def behind(text: str, paragraph: str) -> str | None:
    """Return the reply with a paragraph more; None where it would come into code."""
    return _checked(text, f"{text.rstrip()}\n\n{paragraph}") if _blocks(text) else None


def prose_of(text: str) -> str:
    """Return what the reply says outside of code."""
    if not _MAY_BE_CODE.search(text):
        return text
    return "\n".join(
        child.content for token in _tokens(text) for child in token.children or () if child.type == "text"
    )


def is_data(text: str) -> bool:
    """Say whether the whole reply is JSON, to which nothing may be added."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True


def _checked(before: str, after: str) -> str | None:
    """Return the new text where all code in it is what it was; a fence that was never closed takes what comes in."""
    return after if _code(before) == _code(after) else None


def _code(text: str) -> list[str]:
    found = []
    for token in _tokens(text):
        if token.type in _CODE:
            found.append(token.content.rstrip("\n"))
        found += [child.content for child in token.children or () if child.type in _CODE]
    return found


def _blocks(text: str) -> list[Token]:
    return [token for token in _tokens(text) if token.level == 0 and token.nesting >= 0]


def _ends_with_sign(line: str) -> bool:
    """Say whether a line ends with an emoji or another sign that ends a sentence as well."""
    return bool(line) and ord(line[-1]) > 0x2000


@lru_cache(maxsize=32)
def _tokens(text: str) -> tuple[Token, ...]:
    # Kept, since one reply is asked about several times in a row.
    return tuple(_markdown().parse(text))


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")
