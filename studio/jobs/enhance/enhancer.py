"""One example enhanced: the same seed and example give the same words, whatever else is enhanced with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeVar

from store.models import Example, Message, Status
from studio.jobs.enhance.kit import Kit
from studio.jobs.enhance.prose import at_end, behind, in_front, is_data, prose_of
from studio.jobs.signals.language import language_of
from studio.jobs.signals.ruler import stems

T = TypeVar("T")
Addition = Literal["celebration", "phrase", "metaphor"]


@dataclass(frozen=True)
class Change:
    """What was added where."""

    turn: int
    """Counted from 1."""
    kind: Addition
    words: str


@dataclass(frozen=True)
class Enhanced:
    """A new version of an example."""

    example: Example
    messages: tuple[Message, ...]
    changes: tuple[Change, ...]

    @property
    def reason(self) -> str:
        """The changes in words."""
        return " · ".join(f"{change.kind} “{change.words}” (turn {change.turn})" for change in self.changes)


def author(seed: int) -> str:
    """Return who makes the versions of a seed."""
    return f"enhancer, seed {seed}"


def may_be_enhanced(example: Example) -> bool:
    """Say whether an example may be: not twice, and not what was rejected."""
    return not example.provenance.enhanced and example.status != Status.REJECTED


def enhance(example: Example, kit: Kit, seed: int) -> Enhanced | None:
    """Return the example's new version, or None where nothing is to be added.

    A reply gets a sign that celebrates where the person told of a success; a share of the replies gets one of the
    persona's phrases; one reply of the example that explains ends with a picture of a concept. What a reply has
    already it does not get again, and replies that stay out of the loss are left alone.
    """
    if not may_be_enhanced(example):
        return None
    random = Random(f"{seed}:{example.id}")  # noqa: S311 - which words, not who gets in
    messages = list(example.messages)
    changes: list[Change] = []
    for place, message in enumerate(example.messages):
        if message.role != "assistant" or place in example.left_out_turns or is_data(message.content):
            continue
        asked = _asked(example.messages, place)
        text = message.content
        pictured = any(change.kind == "metaphor" for change in changes)
        for kind, words, add in _additions(asked, text, kit, random, metaphor=not pictured):
            if (new := add(text, words)) is not None:
                text = new
                changes.append(Change(place + 1, kind, words))
        messages[place] = message.model_copy(update={"content": text})
    return Enhanced(example, tuple(messages), tuple(changes)) if changes else None


def enhance_all(examples: Sequence[Example], kit: Kit, seed: int) -> list[Enhanced]:
    """Return the new versions of those examples that have one."""
    return [made for example in examples if (made := enhance(example, kit, seed)) is not None]


def _asked(messages: Sequence[Message], place: int) -> str:
    before = (message.content for message in reversed(messages[:place]) if message.role == "user")
    return prose_of(next(before, ""))


def _additions(
    asked: str, text: str, kit: Kit, random: Random, *, metaphor: bool
) -> Iterator[tuple[Addition, str, Callable[[str, str], str | None]]]:
    """Yield what a reply lacks, each with how it is added. The dice are thrown for every reply in the same way."""
    chance, which, sign, picture = (random.random() for _ in range(4))
    success, trouble = kit.tells_success(asked), kit.tells_trouble(asked)
    if success and kit.emojis and not kit.has_emoji(text):
        yield "celebration", _one(kit.emojis, sign), at_end
    if chance < kit.persona.enhancer.phrase_share and not trouble and not kit.has_phrase(text):
        openers = kit.praise if success and kit.praise else kit.openers
        phrases = [*((phrase, in_front) for phrase in openers), *((phrase, at_end) for phrase in kit.closers)]
        if phrases:
            phrase, add = _one(phrases, which)
            yield "phrase", f"{phrase}!", add
    if metaphor and kit.asks_why(asked) and not kit.has_concept(text):
        chosen = _picture(asked, text, kit, picture)
        if chosen:
            yield "metaphor", chosen, behind


def _picture(asked: str, text: str, kit: Kit, die: float) -> str:
    """Return a picture in the reply's language whose concept shares much with what is explained."""
    language = language_of(text, phrases=kit.persona.phrases)
    said = stems(f"{asked} {prose_of(text)}")
    fitting = [
        (len(said & meant), each.text)
        for each, meant in kit.metaphors
        if language in (each.language, "mixed")
    ]
    best = max((shared for shared, _ in fitting), default=0)
    # Not always the best one, or a thousand explanations would end alike.
    return _one([words for shared, words in fitting if 2 * shared >= best], die) if fitting else ""


def _one(choices: Sequence[T], die: float) -> T:
    return choices[min(int(die * len(choices)), len(choices) - 1)]
