"""Markdown by heading, and chat logs in Markdown by turn."""

from __future__ import annotations

import re
from itertools import pairwise

from markdown_it import MarkdownIt

from store.models import Role
from studio.jobs.collect.pieces import Piece
from studio.jobs.collect.turns import ROLES, Log, Turn, pieces

_TURN = re.compile(
    r"^(?:#{1,6}\s+)?(?:\*\*)?(?P<who>user|human|kullanıcı|jessy|assistant)(?:\*\*)?\s*:\s*(?:\*\*)?",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^\s{0,3}(?:```|~~~)")


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


def conversation(text: str) -> list[Piece]:
    """Read a chat log whose turns begin with a speaker (`**User:**`, `JESSY:`); empty where it is no chat.

    Turns of the same speaker in a row are one turn, and a last turn of the user without an answer is left out.
    A long conversation comes in several pieces. What looks like a speaker inside a code fence is code.
    """
    spoken: list[tuple[Role, list[str], int]] = []
    fenced = False
    lines = text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        if _FENCE.match(line):
            fenced = not fenced
        match = None if fenced else _TURN.match(line)
        if match:
            spoken.append((ROLES[match["who"].casefold()], [line[match.end() :].strip()], number))
        elif spoken:
            spoken[-1][1].append(line)
    if len(spoken) < 2:
        return []
    ends = [start - 1 for _, _, start in spoken[1:]] + [len(lines)]
    turns = tuple(
        Turn(role, "\n".join(body).strip(), (start, end))
        for (role, body, start), end in zip(spoken, ends, strict=True)
    )
    if any(not turn.text for turn in turns):
        return []
    return list(pieces(Log(turns, "markdown")))
