"""Finding the line of a key in a TOML text; tomllib gives lines for syntax errors only."""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_-]+))\s*[=.]""")
_QUOTES = re.compile(r'"""|\'\'\'')


def line_of(text: str, location: tuple[int | str, ...]) -> int | None:
    """Return the line (from 1) of the key at `location`, of its table where the key is missing, or None.

    Args:
        text: a whole TOML document, in the plain style that people write.
        location: keys and array indexes, as pydantic reports them: `("slots", 2, "id")`.
    """
    best: tuple[int, int] | None = None
    counts: dict[str, int] = {}
    table: tuple[int | str, ...] = ()
    for number, line in _lines_outside_strings(text):
        if header := _HEADER.match(line):
            name = header[2].strip("\"'")
            table = (*_split(name),)
            if header[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                table = (*table, counts[name])
            here = table
        elif key := _KEY.match(line):
            here = (*table, key[1] or key[2] or key[3])
        else:
            continue
        # The deepest key that leads to the location is the nearest line there is.
        if location[: len(here)] == here and (best is None or len(here) > best[0]):
            best = (len(here), number)
    return best[1] if best else None


def _split(name: str) -> list[str]:
    return [part.strip().strip("\"'") for part in name.split(".")]


def _lines_outside_strings(text: str) -> list[tuple[int, str]]:
    """Return the numbered lines that do not begin inside a multi-line string."""
    lines: list[tuple[int, str]] = []
    open_quotes: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if open_quotes is None:
            lines.append((number, line))
        for match in _QUOTES.finditer(line):
            if open_quotes is None:
                open_quotes = match[0]
            elif open_quotes == match[0]:
                open_quotes = None
    return lines
