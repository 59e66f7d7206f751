"""Which language a turn is in: Turkish, English, both, or only code.

Identification is by the library lingua, restricted to the persona's two languages: on a measured set of labelled
turns it errs least of the well-kept libraries (docs/languages.md, benchmarks/language.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lingua import LanguageDetector

TurnLanguage = Literal["tr", "en", "mixed", "code", "unknown"]
Confidence = Callable[[str], float]
"""How sure a library is, 0..1, that a text is Turkish and not English."""

MIXED_SHARE = 0.15
"""A turn is mixed when the language with fewer words has at least this share of them …"""
MIXED_WORDS = 2
"""… and at least this many words: a borrowed term or a "Hadi!" does not make a turn mixed."""

BORROWED_WORDS = 3
"""So many English words between the commas of a Turkish sentence are borrowed terms, not a switch."""
SURE = 0.9
"""A Turkish clause of two or three words in an English sentence is a switch where the library is so sure of it."""

MOST_CHARACTERS = 8_000
"""Of a turn; what comes after does not change its language."""
MOST_WORD_CHARACTERS = 40
"""A longer run of letters is no word; on such runs the library's time grows with the square of the length."""

_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_INLINE = re.compile(r"`[^`\n]*`")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE = re.compile(r"[.!?…:;\n]+")
_CLAUSE = re.compile(
    r"[,()\[\]\"“”]|\s[-–—]\s|\b(?:ama|fakat|ancak|çünkü|yoksa|belki|sonra|but|because|and|or|so|then)\b",
    re.IGNORECASE,
)
"""Where one may switch within a sentence: at commas, brackets, dashes and conjunctions."""
_RUN = re.compile(rf"\S{{{MOST_WORD_CHARACTERS},}}")
_TURKISH_LETTERS = re.compile(r"[çğıöşüÇĞİÖŞÜ]")
_NAME = re.compile(r"(?<=[^\W\d_]\s)[A-ZÇĞİÖŞÜ][^\W\d_]+(?:['’][^\W\d_]+)?")
"""A capital inside a sentence: a name is in no language."""


@cache
def _detector() -> LanguageDetector:
    from lingua import Language, LanguageDetectorBuilder

    return LanguageDetectorBuilder.from_languages(Language.TURKISH, Language.ENGLISH).build()


def language_of(
    text: str, *, phrases: tuple[str, ...] = (), confidence: Confidence | None = None
) -> TurnLanguage:
    """Return the language of a turn.

    Args:
        text: the turn as it stands; code fences and inline code are left out of the count.
        phrases: the persona's own phrases, which are no leak of the other language.
        confidence: another library, to compare it.
    """
    # The library takes UTF-8, in which a lone surrogate of a broken reply cannot be written.
    writable = text[:MOST_CHARACTERS].encode("utf-8", "replace").decode()
    prose = _RUN.sub(" ", _INLINE.sub(" ", _FENCE.sub(" ", writable)))
    without = prose
    for phrase in phrases:
        without = re.sub(re.escape(phrase), " ", without, flags=re.IGNORECASE)
    # A turn that is nothing but a phrase is in the phrase's language.
    prose = without if _WORD.search(without) else prose
    counts = {"tr": 0, "en": 0}
    for sentence in _SENTENCE.split(prose):
        words = len(_WORD.findall(sentence))
        if not words:
            continue
        for language, count in _segments(sentence, words, confidence or _turkish):
            counts[language] += count
    total = counts["tr"] + counts["en"]
    if total == 0:
        return "code" if "`" in text else "unknown"
    fewer = min(counts.values())
    if fewer >= MIXED_WORDS and fewer / total >= MIXED_SHARE:
        return "mixed"
    return "tr" if counts["tr"] >= counts["en"] else "en"


def _segments(sentence: str, words: int, confidence: Confidence) -> Iterator[tuple[Literal["tr", "en"], int]]:
    """Yield the languages of one sentence with their words; borrowed terms count to the language around them."""
    if words <= 2 and _TURKISH_LETTERS.search(sentence):
        yield "tr", words
        return
    main: Literal["tr", "en"] = "tr" if confidence(_without_names(sentence)) >= 0.5 else "en"
    switched = 0
    for clause in _CLAUSE.split(sentence):
        count = len(_WORD.findall(clause))
        if 1 < count < words and _switches(clause, count, main, confidence):
            switched += count
    yield main, words - switched
    yield ("en" if main == "tr" else "tr"), switched


def _switches(clause: str, count: int, main: Literal["tr", "en"], confidence: Confidence) -> bool:
    """Say whether a clause is in the other language. Terms are borrowed from English, hardly ever from Turkish."""
    turkish = confidence(_without_names(clause))
    if main == "tr":
        return count > BORROWED_WORDS and turkish < 0.5
    return turkish >= (0.5 if count > BORROWED_WORDS else SURE)


def _without_names(text: str) -> str:
    without = _NAME.sub(" ", text)
    return without if len(_WORD.findall(without)) >= 2 else text


def _turkish(text: str) -> float:
    from lingua import Language

    return float(_detector().compute_language_confidence(text, Language.TURKISH))
