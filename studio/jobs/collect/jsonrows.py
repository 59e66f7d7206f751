"""The rows of JSON and JSONL files with their lines; a damaged row costs no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Row:
    """One value of a file."""

    number: int
    """Counted from 1."""
    lines: tuple[int, int]
    value: Any
    fault: str = ""
    """Why there is no value."""


def rows(text: str, *, lines: bool) -> Iterator[Row]:
    """Yield the values of a file: one a line, or the elements of a list; another value is its only row.

    In a list, what comes after damage cannot be told apart any more: the fault is the last row.
    """
    yield from (_by_line(text) if lines else _by_element(text))


def _by_line(text: str) -> Iterator[Row]:
    number = 0
    for line_number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        number += 1
        place = (line_number, line_number)
        try:
            yield Row(number, place, json.loads(line))
        except (ValueError, RecursionError) as error:
            yield Row(number, place, None, f"not JSON: {_why(error)}")


def _by_element(text: str) -> Iterator[Row]:
    place = _after_space(text, 0)
    line = 1 + text.count("\n", 0, place)
    if not text.startswith("[", place):
        try:
            yield Row(1, (line, 1 + text.rstrip().count("\n")), json.loads(text))
        except (ValueError, RecursionError) as error:
            if "Extra data" in str(error):
                # Objects one below the other, under the wrong name.
                yield from _by_line(text)
                return
            yield Row(1, (line, line), None, f"not JSON: {_why(error)}")
        return
    number, counted = 0, place
    place = _after_space(text, place + 1)
    while not text.startswith("]", place):
        number += 1
        line += text.count("\n", counted, place)
        counted = place
        try:
            value, end = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            yield Row(number, (line, line), None, f"not JSON from here on: {_why(error)}")
            return
        last = line + text.count("\n", place, end)
        yield Row(number, (line, last), value)
        place = _after_space(text, end)
        if text.startswith(",", place):
            place = _after_space(text, place + 1)
        elif not text.startswith("]", place):
            line += text.count("\n", counted, place)
            yield Row(number + 1, (line, line), None, "not JSON from here on: a comma or ] is missing")
            return


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno})"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:120]
