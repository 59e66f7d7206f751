"""What the enhancer has to give, out of a persona's file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from studio.config.persona import Metaphor, Persona
from studio.jobs.signals.ruler import stems

_DENIED = re.compile(
    r"\b(?:not|never|no|isn't|didn't|doesn't|won't|wasn't|değil|yok|hiç)\b|n't\b", re.IGNORECASE
)
_SENTENCE = re.compile(r"(?<=[.!?…\n])\s*")


@dataclass(frozen=True)
class Kit:
    """A persona, read by the enhancer."""

    persona: Persona

    @cached_property
    def emojis(self) -> tuple[str, ...]:
        """Signs that celebrate: the trait's markers that are no words."""
        markers = self._of_trait(self.persona.enhancer.emoji_trait, "markers")
        return tuple(marker for marker in markers if not any(letter.isalnum() for letter in marker))

    @cached_property
    def praise(self) -> tuple[str, ...]:
        """Phrases for a success."""
        return tuple(phrase for phrase in self._phrases if phrase in self.persona.enhancer.praise)

    @cached_property
    def openers(self) -> tuple[str, ...]:
        """Phrases that may begin any reply."""
        special = (*self.persona.enhancer.praise, *self.persona.enhancer.closing)
        return tuple(phrase for phrase in self._phrases if phrase not in special)

    @cached_property
    def closers(self) -> tuple[str, ...]:
        """Phrases that end a reply."""
        return tuple(phrase for phrase in self._phrases if phrase in self.persona.enhancer.closing)

    @cached_property
    def metaphors(self) -> tuple[tuple[Metaphor, frozenset[str]], ...]:
        """Each picture with the stems of what its concept means, by which it is chosen."""
        meanings = {entry.term: stems(entry.meaning) for entry in self.persona.glossary}
        return tuple(
            (each, meanings.get(each.concept, frozenset()) | stems(each.text))
            for each in self.persona.metaphors
        )

    def has_phrase(self, text: str) -> bool:
        """Say whether a reply has one of the persona's phrases already."""
        folded = text.casefold()
        return any(_bare(phrase).casefold() in folded for phrase in self.persona.phrases)

    def has_concept(self, text: str) -> bool:
        """Say whether a reply speaks of one of the persona's concepts already."""
        folded = text.casefold()
        return any(entry.term.casefold() in folded for entry in self.persona.glossary)

    def has_emoji(self, text: str) -> bool:
        """Say whether a reply has one of the signs already."""
        return any(emoji in text for emoji in self.emojis)

    def tells_success(self, text: str) -> bool:
        """Say whether a person tells of a success, and of no trouble."""
        if self.tells_trouble(text):
            return False
        return any(
            _has(sentence, self._success) and not _DENIED.search(sentence)
            for sentence in _SENTENCE.split(text)
        )

    def tells_trouble(self, text: str) -> bool:
        """Say whether a person tells of a trouble."""
        return _has(text, self._trouble)

    def asks_why(self, text: str) -> bool:
        """Say whether a person asks for an explanation."""
        return _has(text, self._explains)

    @cached_property
    def _success(self) -> re.Pattern[str]:
        return _any_of(self.persona.enhancer.success)

    @cached_property
    def _trouble(self) -> re.Pattern[str]:
        return _any_of(self.persona.enhancer.trouble)

    @cached_property
    def _explains(self) -> re.Pattern[str]:
        return _any_of(self.persona.enhancer.explains)

    @property
    def _phrases(self) -> tuple[str, ...]:
        return tuple(
            _bare(phrase) for phrase in self._of_trait(self.persona.enhancer.phrase_trait, "phrases")
        )

    def _of_trait(self, name: str, what: str) -> tuple[str, ...]:
        found = next((trait for trait in self.persona.traits if trait.name == name), None)
        return tuple(getattr(found, what)) if found is not None else ()


def _bare(phrase: str) -> str:
    return phrase.rstrip("!.… ")


def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds any of the words at the beginning of a word; no words are found nowhere."""
    return re.compile(
        "(?<!\\w)(?:" + "|".join(re.escape(word.casefold()) for word in words) + ")" if words else "(?!)"
    )


def _has(text: str, pattern: re.Pattern[str]) -> bool:
    return pattern.search(text.replace("İ", "i").casefold()) is not None
