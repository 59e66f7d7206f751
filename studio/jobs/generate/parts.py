"""The parts that a recipe requires: numbered passes in their groups, and words of which one must be there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from studio.config.recipes import Expect

_PASS = re.compile(
    # `1.`, `1)`, `1:`, `**1.**`, `- 1 –`, `Pass 1:`, `Iteration 1`, `1. geçiş`
    r"^\s*(?:[-*#>]+\s*)*(?:\*\*|__)?\s*(?:(?:pass|iteration|step|geçiş|adım|iterasyon)\s*)?#?(\d{1,2})\s*(?:[.):–—-]|\*\*|$)",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


def missing_parts(replies: Sequence[str], expect: Expect, language: str = "") -> list[str]:
    """Return what the replies of one example lack, in words for people; nothing where all is there.

    Args:
        replies: the assistant's messages.
        expect: what the recipe wants.
        language: that was asked for; parts of other languages are not looked for. Empty looks for all.
    """
    found = []
    if expect.passes is not None and not any(has_passes(reply, expect.passes) for reply in replies):
        found.append(_passes_missing(replies, expect.passes))
    text = "\n".join(replies)
    for part in expect.parts:
        concerned = part.languages is None or not language or language in part.languages
        if concerned and not has_word(text, part.words):
            found.append(f"{part.name} is missing")
    return found


def has_passes(reply: str, groups: Sequence[int]) -> bool:
    """Say whether a reply has all numbered passes in their order, with a line of its own before each further group."""
    numbers = _numbered(reply)
    total = sum(groups)
    if [number for number, _ in numbers] != list(range(1, total + 1)):
        return False
    lines = reply.splitlines()
    first = 0
    for size in groups[:-1]:
        first += size
        last_line, next_line = numbers[first - 1][1], numbers[first][1]
        if not _divided(lines[last_line + 1 : next_line]):
            return False
    return True


def has_word(text: str, words: Sequence[str]) -> bool:
    """Say whether a text has one of the words, or of the phrases, by their beginnings."""
    folded = _folded(text)
    return any(re.search(rf"\b{re.escape(_folded(word))}", folded) for word in words)


def _folded(text: str) -> str:
    # Turkish capitals first: casefold makes `İ` two characters and `I` the wrong one.
    return text.replace("İ", "i").replace("I", "ı").casefold().replace("ı", "i")


def _numbered(reply: str) -> list[tuple[int, int]]:
    """Return the passes in their order, as (number, line); a number that does not go on is no pass."""
    passes: list[tuple[int, int]] = []
    for place, line in enumerate(reply.splitlines()):
        match = _PASS.match(line)
        if match and int(match[1]) == len(passes) + 1:
            passes.append((int(match[1]), place))
    return passes


def _divided(between: Sequence[str]) -> bool:
    """Say whether lines between two passes part them: an empty one, a heading or a rule."""
    return any(not line.strip() or _is_heading(line) for line in between)


def _is_heading(line: str) -> bool:
    text = line.strip()
    return (
        text.startswith(("#", "**", "__", "---", "***", "==="))
        or text.endswith(":")
        or len(text.split()) <= 4
    )


def _passes_missing(replies: Sequence[str], groups: Sequence[int]) -> str:
    total = sum(groups)
    most = max((len(_numbered(reply)) for reply in replies), default=0)
    if most < total:
        return f"{most} of {total} numbered passes"
    return f"the {total} passes are not in {len(groups)} groups"
