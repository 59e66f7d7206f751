"""What a new version changes, as lines for a terminal without colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff

from store.models import Message

_CONTEXT = 0


def changed_lines(old: Sequence[Message], new: Sequence[Message]) -> Iterator[str]:
    """Yield the lines that went (`- `) and came (`+ `), under the turn that they are of."""
    for number, (before, after) in enumerate(zip(old, new, strict=True), start=1):
        if before == after:
            continue
        yield f"  turn {number}"
        found = unified_diff(before.content.split("\n"), after.content.split("\n"), lineterm="", n=_CONTEXT)
        for line in found:
            if not line.startswith(("---", "+++", "@@")):
                yield f"  {line[:1]} {line[1:]}"
