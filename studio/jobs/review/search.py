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
_MOST_SPELLINGS = 6
"""Up to so many ways to spell a query are searched for one by one, which is the quickest."""

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
    if spellings <= _MOST_SPELLINGS:
        choices = product(*(_CLASSES.get(letter, letter) for letter in letters))
        needles = [folded_bytes("".join(choice)) for choice in choices]
        return partial(_any_of, needles)
    classes = (
        f"[{''.join(_BYTES.get(kind, kind) for kind in _CLASSES[letter])}]"
        if letter in _CLASSES
        else re.escape(letter)
        for letter in letters
    )
    exact = re.compile("".join(classes).encode("utf-8", "replace"))
    return partial(_verified, folded_bytes(letters).translate(_ONE_I), exact)


def _any_of(needles: list[bytes], text: bytes, starts: Sequence[int]) -> Sequence[int]:
    found: list[int] = []
    for needle in needles:
        place, number = text.find(needle), 0
        while place >= 0:
            number = bisect_right(starts, place, number)
            found.append(number - 1)
            place = text.find(needle, starts[number])
    return found if len(needles) == 1 else sorted(set(found))


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
