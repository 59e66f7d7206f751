"""Untrusted text made safe to show: the one door between what a model, file or server sent and the terminal.

A terminal obeys escape sequences, Textual obeys markup, and a reader's eye obeys bidirectional overrides.
`safe` takes the first and the last away; `content` and `rich_text` keep markup from being read at all.
Nothing of Textual or Rich is imported until one of those two is called.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text
    from textual.content import Content

LINE_LIMIT = 2_000
"""Characters of one line that are shown; the rest is counted."""

TEXT_LIMIT = 200_000
"""Characters of one text that are shown; the rest is counted."""

_MARKS = r"\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_RULES = (
    # OSC, DCS, SOS, PM and APC carry a payload up to a terminator; an unterminated one ends with its line.
    (r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\n]*?(?:\x07|\x1b\\|\x9c|(?=\n)|\Z)", ""),
    # CSI: colours, cursor movements.
    (r"(?:\x1b\[|\x9b)[0-?]*[ -/]*(?:[@-~]|(?=\n)|\Z)", ""),
    # Short escapes; a lone ESC is left for its picture.
    (r"\x1b[ -/]*[0-~]", ""),
    (r"\r\n|[\n\x0b\x0c\x85\u2028\u2029]", "\n"),
    # Invisible: zero-width spaces and marks, BOM, soft hyphen, interlinear marks, tag characters.
    (
        r"[\u00ad\u061c\u180e\u200b\u200e\u200f\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb"
        r"\U000e0000-\U000e007f]",
        "",
    ),
    # C1, bidirectional overrides and isolates, surrogates, noncharacters.
    (r"[\x80-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]", "\ufffd"),
    # Marks stacked higher than any language does.
    (rf"([{_MARKS}]{{4}})[{_MARKS}]+", r"\1"),
)
_PICTURES = {code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)} | {0x7F: 0x2421}


def safe(text: object, *, line_limit: int = LINE_LIMIT, text_limit: int = TEXT_LIMIT) -> str:
    r"""Return `text` as a string without anything that a terminal would obey.

    Escape sequences are removed; other control characters become their pictures (NUL is `␀`); lone
    surrogates, C1 controls and bidirectional overrides become `\ufffd`; invisible characters go; a tab is
    four spaces. A line longer than `line_limit` characters, or a text longer than `text_limit`, is cut and
    says by how much. Square brackets stay: pass the result on as plain text, by `content`, by `rich_text` or
    with markup switched off.
    """
    raw = text if isinstance(text, str) else str(text)
    if len(raw) <= line_limit and raw.isascii() and raw.isprintable():
        return raw
    over = len(raw) - text_limit
    if over > 0:
        raw = raw[:text_limit]
    for pattern, instead in _compiled():
        raw = pattern.sub(instead, raw)
    raw = raw.replace("\t", "    ").translate(_PICTURES)
    if len(raw) > line_limit:
        raw = "\n".join(_shortened(line, line_limit) for line in raw.split("\n"))
    if over > 0:
        raw = f"{raw}\n… {over:,} more characters are not shown"
    return raw


def safe_line(text: object, limit: int = 400) -> str:
    """Return `text` made safe on one line of at most `limit` characters.

    A cut is marked by `…`, line ends become `⏎`. For titles, table cells, tabs and whatever else is one line high.
    """
    raw = text if isinstance(text, str) else str(text)
    # What lies far beyond the limit is never looked at: a list row must not cost a megabyte.
    line = safe(raw[: limit * 4], line_limit=limit * 4).strip("\n").replace("\n", " ⏎ ")
    if len(line) > limit or len(raw) > limit * 4:
        return line[: limit - 1].rstrip() + "…"
    return line


def content(text: object, style: str = "") -> Content:
    """Return `text` made safe as Textual content, in which markup has no meaning."""
    from textual.content import Content

    plain = safe(text)
    return Content.styled(plain, style) if style else Content(plain)


def rich_text(text: object, style: str = "") -> Text:
    """Return `text` made safe as Rich text, in which markup has no meaning."""
    from rich.text import Text

    return Text(safe(text), style=style)


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], str], ...]:
    # Not at import: plain text, which is all that the first frame shows, needs none of them.
    return tuple((re.compile(pattern), instead) for pattern, instead in _RULES)


def _shortened(line: str, limit: int) -> str:
    over = len(line) - limit
    return line if over <= 0 else f"{line[:limit]}… {over:,} more characters"
