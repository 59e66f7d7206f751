"""Markdown by heading, and chat logs in Markdown by turn."""

from __future__ import annotations

import re
from itertools import pairwise

from markdown_it import MarkdownIt

from store.models import Message, Role
from studio.jobs.collect.pieces import Piece

_TURN = re.compile(
    r"^(?:#{1,6}\s+)?(?:\*\*)?(?P<who>user|human|kullanıcı|jessy|assistant)(?:\*\*)?\s*:\s*(?:\*\*)?",
    re.IGNORECASE,
)
_ROLES: dict[str, Role] = {
    "user": "user",
    "human": "user",
    "kullanıcı": "user",
    "jessy": "assistant",
    "assistant": "assistant",
}


def sections(text: str) -> list[Piece]:
    """Cut Markdown at its headings; what stands before the first heading is a piece without a title.

    Headings inside code fences are text: the CommonMark parser decides what a heading is.
    """
    # Not splitlines: the parser counts line feeds only, and a last one ends the text.
    lines = text.removesuffix("\n").split("\n")
    starts: list[tuple[int, str]] = []
    tokens = MarkdownIt("commonmark").parse(text)
    for token, content in pairwise(tokens):
        if token.type == "heading_open" and token.map is not None and token.level == 0:
            starts.append((token.map[0], content.content.strip()))
    if not starts or starts[0][0] > 0:
        starts.insert(0, (0, ""))
    ends = [start for start, _ in starts[1:]] + [len(lines)]
    pieces = []
    for (start, title), end in zip(starts, ends, strict=True):
        body = "\n".join(lines[start:end]).strip()
        has_text = any(line.strip() for line in lines[start + bool(title) : end])
        if has_text:
            pieces.append(Piece(kind="section", title=title, lines=(start + 1, end), text=body))
    return pieces


def conversation(text: str) -> Piece | None:
    """Read a chat log whose turns begin with a speaker (`**User:**`, `JESSY:`); None where it is no chat.

    Turns of the same speaker in a row are one turn, and a last turn of the user without an answer is left out.
    """
    turns: list[tuple[Role, list[str]]] = []
    first = last = 0
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        match = _TURN.match(line)
        if match:
            role = _ROLES[match["who"].casefold()]
            first = first or number
            rest = line[match.end() :].strip()
            if turns and turns[-1][0] == role:
                turns[-1][1].append(rest)
            else:
                turns.append((role, [rest]))
        elif turns:
            turns[-1][1].append(line)
        last = number
    messages = [Message(role=role, content="\n".join(body).strip()) for role, body in turns]
    while messages and messages[0].role != "user":
        messages.pop(0)
    while messages and messages[-1].role != "assistant":
        messages.pop()
    if len(messages) < 2 or any(not message.content for message in messages):
        return None
    return Piece(
        kind="conversation",
        title=messages[0].content.splitlines()[0][:120],
        lines=(first, last),
        text="\n\n".join(f"{m.role}: {m.content}" for m in messages),
        messages=tuple(messages),
    )
