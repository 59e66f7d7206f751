"""Text search that knows Turkish: `İSTANBUL` finds `istanbul`, `INDEX` finds `index`, `ısı` does not find `isi`."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from math import prod

_DOTTED, _DOTLESS, _CAPITAL = "i", "ı", "I"
# A capital I is ı in Turkish and i in English, and a text may be both: so it is found by either.
_CLASSES = {_DOTTED: "iI", _DOTLESS: "ıI", _CAPITAL: "iıI"}

# As bytes each of the three is one byte, so that a search may look at all of them as an i first.
_BYTES = {_DOTLESS: "\x01", _CAPITAL: "\x02"}
_ONE_I = bytes.maketrans(b"\x01\x02", b"ii")
_CLEAN = {0: " ", 1: " ", 2: " "}
_NO_I = re.compile(f"[^{_DOTTED}{_DOTLESS}{_CAPITAL}]+")
_ANCHOR_BYTES = 4
"""So many bytes of a query that can be spelled in one way only are seldom enough to look for alone."""
_MOST_SPELLINGS = 6
"""Up to so many ways to spell a query without such a part are searched for one by one."""
_FEW = 20
"""Texts that are looked at before it is said that most have what is searched for."""

Hits = Callable[[bytes, Sequence[int]], Sequence[int]]
"""From the folded texts of several examples, one after the other, and where each begins (and the last one ends), to
the numbers of those in which something is found."""


def fold(text: str) -> str:
    """Return `text` with case folded, except that a capital I stays as it is and İ becomes i."""
    if "\u0307" in text:
        text = text.replace("I\u0307", "i").replace("i\u0307", "i")
    return "I".join(part.replace("İ", "i").casefold() for part in text.split("I"))


def pattern(query: str) -> re.Pattern[str]:
    """Return what finds `query`, letter for letter, in text that went through `fold`."""
    letters = (f"[{_CLASSES[letter]}]" if letter in _CLASSES else re.escape(letter) for letter in fold(query))
    return re.compile("".join(letters))


def matches(query: str, text: str) -> bool:
    """Say whether `text` has `query` in it; an empty query is in everything."""
    return pattern(query).search(fold(text)) is not None


def folded_bytes(text: str) -> bytes:
    """Return `text` folded, as bytes in which each kind of i is one byte; `finder` searches these."""
    if "\x00" in text or "\x01" in text or "\x02" in text:
        text = text.translate(_CLEAN)
    plain = fold(text).replace(_DOTLESS, "\x01").replace(_CAPITAL, "\x02")
    return plain.encode("utf-8", "replace")


def unfolded(raw: bytes) -> str:
    """Return folded bytes as text again; the case stays folded."""
    return raw.decode("utf-8", "replace").replace("\x01", _DOTLESS).replace("\x02", _CAPITAL)


def finder(query: str) -> Hits:
    """Return what finds the examples that have `query` in them, among texts of `folded_bytes`."""
    letters = fold(query.translate(_CLEAN))
    spellings = prod(len(_CLASSES.get(letter, " ")) for letter in letters)
    if spellings == 1:
        return partial(_having, folded_bytes(letters))
    first, anchor = _anchor(letters)
    if len(anchor) >= _ANCHOR_BYTES:
        return partial(_around, anchor, first, _exact(letters))
    if spellings <= _MOST_SPELLINGS:
        choices = product(*(_CLASSES.get(letter, letter) for letter in letters))
        return partial(_any_of, [folded_bytes("".join(choice)) for choice in choices])
    return partial(_verified, folded_bytes(letters).translate(_ONE_I), _exact(letters))


def _anchor(letters: str) -> tuple[int, bytes]:
    """Return the longest part of a folded query that has no i of any kind, after how many bytes of it."""
    parts = [(part.start(), part[0].encode("utf-8", "replace")) for part in _NO_I.finditer(letters)]
    start, longest = max(parts, key=lambda part: len(part[1]), default=(0, b""))
    return len(folded_bytes(letters[:start])), longest


def _exact(letters: str) -> re.Pattern[bytes]:
    parts = (
        b"[%b]" % b"".join(_BYTES.get(kind, kind).encode() for kind in _CLASSES[letter])
        if letter in _CLASSES
        else re.escape(letter.encode("utf-8", "replace"))
        for letter in letters
    )
    return re.compile(b"".join(parts))


def _having(needle: bytes, text: bytes, starts: Sequence[int]) -> Sequence[int]:
    found: list[int] = []
    place, number = text.find(needle), 0
    while place >= 0:
        number = bisect_right(starts, place, number)
        found.append(number - 1)
        if len(found) == _FEW and number < 2 * _FEW:
            # Where most have it, to look into one after the other is quicker.
            bounds = zip(starts[number:], starts[number + 1 :], strict=False)
            rest = [n for n, (begin, end) in enumerate(bounds, number) if text.find(needle, begin, end) >= 0]
            return found + rest
        place = text.find(needle, starts[number])
    return found


def _any_of(needles: list[bytes], text: bytes, starts: Sequence[int]) -> Sequence[int]:
    return sorted({number for needle in needles for number in _having(needle, text, starts)})


def _around(
    anchor: bytes, first: int, exact: re.Pattern[bytes], text: bytes, starts: Sequence[int]
) -> Sequence[int]:
    found: list[int] = []
    # Each kind of i is one byte, so that what stands before the anchor is always as long.
    place = text.find(anchor, first)
    while place >= 0:
        after = place + 1
        if exact.match(text, place - first) is not None:
            number = bisect_right(starts, place)
            found.append(number - 1)
            after = starts[number] + first
        place = text.find(anchor, after)
    return found


def _verified(needle: bytes, exact: re.Pattern[bytes], text: bytes, starts: Sequence[int]) -> Sequence[int]:
    skeleton = text.translate(_ONE_I)
    found: list[int] = []
    place = skeleton.find(needle)
    while place >= 0:
        after = place + 1
        if exact.match(text, place) is not None:
            number = bisect_right(starts, place)
            found.append(number - 1)
            after = starts[number]
        place = skeleton.find(needle, after)
    return found
