"""Which language a turn is in: Turkish, English, both, or only code.

Identification is by the library lingua, restricted to the persona's two languages: on one-word turns such as
"Kimsin?" it is right where detectors over many languages guess.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lingua import LanguageDetector

TurnLanguage = Literal["tr", "en", "mixed", "code", "unknown"]

MIXED_SHARE = 0.2
"""A turn is mixed when the language with fewer words has at least this share of them …"""
MIXED_WORDS = 3
"""… and at least this many words: a borrowed term or a "Hadi!" does not make a turn mixed."""

BORROWED_WORDS = 3
"""A run of at most so many words inside a sentence of the other language is a borrowed term, not a switch."""

MOST_CHARACTERS = 8_000
"""Of a turn; what comes after does not change its language."""
MOST_WORD_CHARACTERS = 40
"""A longer run of letters is no word; on such runs the library's time grows with the square of the length."""

_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_INLINE = re.compile(r"`[^`\n]*`")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE = re.compile(r"[.!?…:;\n]+")
_RUN = re.compile(rf"\S{{{MOST_WORD_CHARACTERS},}}")
_TURKISH_LETTERS = re.compile(r"[çğıöşüÇĞİÖŞÜ]")


@cache
def _detector() -> LanguageDetector:
    from lingua import Language, LanguageDetectorBuilder

    return LanguageDetectorBuilder.from_languages(Language.TURKISH, Language.ENGLISH).build()


def language_of(text: str, *, phrases: tuple[str, ...] = ()) -> TurnLanguage:
    """Return the language of a turn.

    Args:
        text: the turn as it stands; code fences and inline code are left out of the count.
        phrases: the persona's own phrases, which are no leak of the other language.
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
        for language, count in _segments(sentence, words):
            counts[language] += count
    total = counts["tr"] + counts["en"]
    if total == 0:
        return "code" if "`" in text else "unknown"
    fewer = min(counts.values())
    if fewer >= MIXED_WORDS and fewer / total >= MIXED_SHARE:
        return "mixed"
    return "tr" if counts["tr"] >= counts["en"] else "en"


def _segments(sentence: str, words: int) -> list[tuple[Literal["tr", "en"], int]]:
    """Return the runs of one sentence with their words; borrowed terms count to the language around them."""
    if words <= 2 and _TURKISH_LETTERS.search(sentence):
        return [("tr", words)]
    detector = _detector()
    whole = detector.detect_language_of(sentence)
    main: Literal["tr", "en"] = "tr" if whole is not None and whole.name == "TURKISH" else "en"
    switched = 0
    for part in detector.detect_multiple_languages_of(sentence):
        code: Literal["tr", "en"] = "tr" if part.language.name == "TURKISH" else "en"
        run = len(_WORD.findall(sentence[part.start_index : part.end_index]))
        if code != main and run > BORROWED_WORDS:
            switched += run
    other: Literal["tr", "en"] = "en" if main == "tr" else "tr"
    return [(main, words - switched), (other, switched)]
