"""Text search that knows Turkish: `İSTANBUL` finds `istanbul`, `INDEX` finds `index`, `ısı` does not find `isi`."""

from __future__ import annotations

import re

_DOTTED, _DOTLESS, _CAPITAL = "i", "ı", "I"
# A capital I is ı in Turkish and i in English, and a text may be both: so it is found by either.
_CLASSES = {_DOTTED: "[iI]", _DOTLESS: "[ıI]", _CAPITAL: "[iıI]"}


def fold(text: str) -> str:
    """Return `text` with case folded, except that a capital I stays as it is and İ becomes i."""
    return "I".join(part.replace("İ", "i").casefold() for part in text.split("I"))


def pattern(query: str) -> re.Pattern[str]:
    """Return what finds `query`, letter for letter, in text that went through `fold`."""
    return re.compile("".join(_CLASSES.get(letter, re.escape(letter)) for letter in fold(query)))


def matches(query: str, text: str) -> bool:
    """Say whether `text` has `query` in it; an empty query is in everything."""
    return pattern(query).search(fold(text)) is not None
