"""A conversation as one text that a person edits, and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from store.models import Message, Role

_HEAD = re.compile(r"^=== (system|user|assistant) ===$")
_SHIELDED = re.compile(r"^\\(?==== (?:system|user|assistant) ===$|\\)", re.MULTILINE)
_NEEDS_SHIELD = re.compile(r"^(?==== (?:system|user|assistant) ===$|\\)", re.MULTILINE)


def to_text(messages: Sequence[Message]) -> str:
    r"""Return the turns under `=== role ===` lines; a line of a turn that looks like one gets a `\` in front."""
    parts = []
    for message in messages:
        body = _NEEDS_SHIELD.sub(r"\\", message.content)
        parts.append(f"=== {message.role} ===\n{body}\n")
    return "\n".join(parts)


def from_text(text: str) -> tuple[Message, ...]:
    """Return the turns of a text that `to_text` made and a person changed.

    Raises:
        ValueError: words stand before the first `=== role ===` line, or there is no such line.
    """
    turns: list[tuple[Role, list[str]]] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        head = _HEAD.match(line.rstrip())
        if head:
            turns.append((cast(Role, head[1]), []))
        elif turns:
            turns[-1][1].append(line)
        elif line.strip():
            raise ValueError(f"line {number} stands before the first `=== user ===` line")
    if not turns:
        raise ValueError("there is no `=== user ===` line, so no turn")
    return tuple(
        Message(role=role, content=_SHIELDED.sub("", "\n".join(lines).strip("\n"))) for role, lines in turns
    )
