"""Traits: named functions that say how far a reply shows what a case expects, from 0 to 1.

A reply that is empty or repeats itself in a loop shows no trait at all, whatever words it happens to contain.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from store.models import Message
from studio.config.persona import Persona
from studio.jobs.signals.language import TurnLanguage, language_of
from studio.jobs.validate import lexicon

CONCISE_WORDS = 80
DETAILED_WORDS = 60
LOOP_WORDS = 4
"""The length in words of the phrase whose repetition is counted."""
LOOP_SHARE = 0.35
"""A reply in which repeated phrases cover more than this share is a loop."""

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u26a1]")
_STRUCTURE = re.compile(r"^\s*(?:[-*•]|\d+[.)]|#{1,6}\s|```)|\*\*[^*]+\*\*", re.MULTILINE)


@dataclass(frozen=True)
class Context:
    """What a trait may look at besides the reply."""

    messages: tuple[Message, ...]
    """The conversation up to the reply; the last one is the user's."""
    keywords: tuple[str, ...]
    """Words of the case that an answer to the point, or a reply that remembers, would mention."""
    persona: Persona

    @property
    def phrases(self) -> tuple[str, ...]:
        """The persona's own phrases, which are no leak of the other language."""
        return self.persona.phrases

    def markers(self, trait: str) -> tuple[str, ...]:
        """What shows one of the persona's traits: its emoji, or telling words; empty where it has no such trait."""
        return tuple(
            marker for entry in self.persona.traits if entry.name == trait for marker in entry.markers
        )


Trait = Callable[[str, Context], float]


def fold(text: str) -> str:
    """Casefold the Turkish way for comparing: İ becomes i, I becomes ı only beside Turkish letters."""
    text = text.replace("İ", "i")
    if re.search("[çğışöüÇĞŞÖÜ]", text):
        # In a Turkish text "I" is the dotless letter unless an English word carries it; accept both.
        return text.replace("I", "i").casefold()
    return text.casefold()


WHOLE_WORD_LETTERS = 3
"""Stems up to this length have to be the whole word: "go" is not in "good", nor "gel" in "gelince"."""


def mentions(text: str, stems: Iterable[str]) -> bool:
    """Say whether any stem begins a word, or a run of words, of the text; short ones have to be the word."""
    folded = f" {' '.join(_WORD.findall(fold(text)))} "
    for stem in stems:
        wanted = " ".join(_WORD.findall(fold(stem)))
        if wanted and f" {wanted}{' ' if len(wanted) <= WHOLE_WORD_LETTERS else ''}" in folded:
            return True
    return False


def words(text: str) -> int:
    """Return the number of words."""
    return len(_WORD.findall(text))


def loops(text: str) -> bool:
    """Say whether repeated phrases of `LOOP_WORDS` words cover more than `LOOP_SHARE` of the text."""
    found = [fold(word) for word in _WORD.findall(text)]
    grams = Counter(tuple(found[i : i + LOOP_WORDS]) for i in range(len(found) - LOOP_WORDS + 1))
    total = sum(grams.values())
    if total < LOOP_WORDS:
        return len(found) >= 6 and len(set(found)) <= 2
    return sum(count - 1 for count in grams.values()) / total > LOOP_SHARE


def _is(condition: bool) -> float:
    return 1.0 if condition else 0.0


def _language(reply: str, context: Context) -> TurnLanguage:
    return language_of(reply, phrases=context.phrases)


def _warmth(reply: str, context: Context) -> float:
    shown = any(marker in reply for marker in context.markers("warmth"))
    return _is(shown or mentions(reply, (*context.phrases, *lexicon.SUPPORT, *lexicon.ENCOURAGEMENT)))


def _language_match(reply: str, context: Context) -> float:
    asked = language_of(context.messages[-1].content)
    return _is(asked not in ("tr", "en") or _language(reply, context) == asked)


def _no_leak(reply: str, context: Context) -> float:
    asked = language_of(context.messages[-1].content)
    found = _language(reply, context)
    return _is(found != "mixed" or asked == "mixed")


def _persona_name(reply: str, context: Context) -> float:
    return _is(mentions(reply, (context.persona.name,)) and not mentions(reply, lexicon.OTHER_MODELS))


def _consciousness(reply: str, context: Context) -> float:
    concepts = [entry.term for entry in context.persona.glossary]
    return _is(mentions(reply, (*concepts, *context.markers("consciousness_integration"))))


TRAITS: dict[str, Trait] = {
    "warmth": _warmth,
    "emoji": lambda reply, _: _is(bool(_EMOJI.search(reply))),
    "turkish": lambda reply, context: _is(_language(reply, context) == "tr"),
    "english": lambda reply, context: _is(_language(reply, context) == "en"),
    "mixed": lambda reply, context: _is(_language(reply, context) == "mixed"),
    "language-match": _language_match,
    "no-leak": _no_leak,
    "persona-name": _persona_name,
    "empathy": lambda reply, _: _is(mentions(reply, lexicon.EMPATHY)),
    "supportive": lambda reply, _: _is(mentions(reply, lexicon.SUPPORT)),
    "encouraging": lambda reply, context: _is(
        mentions(reply, (*lexicon.ENCOURAGEMENT, *context.phrases)),
    ),
    "technical": lambda reply, _: _is(mentions(reply, lexicon.TECHNICAL)),
    "metaphor": lambda reply, _: _is(mentions(reply, lexicon.METAPHOR)),
    "consciousness": _consciousness,
    "explains-why": lambda reply, _: _is(mentions(reply, lexicon.REASON)),
    "concise": lambda reply, _: _is(words(reply) <= CONCISE_WORDS),
    "detailed": lambda reply, _: _is(words(reply) >= DETAILED_WORDS),
    "structured": lambda reply, _: _is(bool(_STRUCTURE.search(reply))),
    "answers-topic": lambda reply, context: _is(mentions(reply, context.keywords)),
    "remembers": lambda reply, context: _is(mentions(reply, context.keywords)),
    "not-empty-not-looping": lambda _reply, _context: 1.0,
}


def score(reply: str, traits: Iterable[str], context: Context) -> dict[str, float]:
    """Return each expected trait's score in 0..1; all are 0 for an empty or looping reply.

    Raises:
        KeyError: a trait that has no function (the suites' reader checks names before).
    """
    usable = bool(_WORD.search(reply)) and not loops(reply)
    return {name: TRAITS[name](reply, context) if usable else 0.0 for name in traits}
