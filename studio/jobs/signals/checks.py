"""The signals of one example: what is odd about it, each with a name and a few words. They decide nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from store.models import Example, Message, Signals
from studio.jobs.signals import words
from studio.jobs.signals.duplicates import similarity, words_of
from studio.jobs.signals.language import language_of
from studio.jobs.signals.personal import personal
from studio.jobs.signals.ruler import Ruler, stems

NAMES: Final = (
    "language",
    "leak",
    "dotless",
    "length",
    "monotony",
    "truncated",
    "refused",
    "markup",
    "name",
    "empty",
    "secret",
    "glossary",
    "personal",
)
"""What a flag begins with, before its colon. Near-duplicates have fields of their own."""

_DEFINES = r"\s*(?:\([^)\n]{0,40}\)\s*)?(?:is|means|refers to|stands for|describes|dediğin|demek|nedir|,)\s+"
_FEWEST_WORDS = 8
"""Of a definition, for it to be compared with the glossary's."""

_REPLY_CHECKS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("refused", words.refused),
    ("markup", words.markup),
)


def measure(example: Example, ruler: Ruler) -> Signals:
    """Return an example's languages, length and flags; near-duplicates stay as they are. Flags of others are kept."""
    languages = tuple(language_of(m.content, phrases=ruler.phrases) for m in example.messages)
    others = tuple(flag for flag in example.signals.flags if flag.partition(":")[0] not in NAMES)
    flags = tuple(f"{name}: {what}" for name, what in _found(example, languages, ruler))
    return example.signals.model_copy(
        update={
            "languages": languages,
            "words": sum(len(m.content.split()) for m in example.messages if m.role == "assistant"),
            "flags": (*others, *flags),
        }
    )


def _found(example: Example, languages: Sequence[str], ruler: Ruler) -> Iterator[tuple[str, str]]:
    """Yield what is found, each name once."""
    seen = set()
    for name, what in _all(example, languages, ruler):
        if what and name not in seen:
            seen.add(name)
            yield name, what


def _all(example: Example, languages: Sequence[str], ruler: Ruler) -> Iterator[tuple[str, str]]:
    messages = example.messages
    for number, message in enumerate(messages, 1):
        yield "empty", f"turn {number}" if words.empty(message.content) else ""
        yield "secret", _at(number, words.secret(message.content))
    yield from _language(example, languages, ruler)
    for number, (message, language) in enumerate(zip(messages, languages, strict=True), 1):
        if language in ("tr", "mixed"):
            yield "dotless", _at(number, words.dotless(message.content))
        if message.role == "assistant":
            for name, check in _REPLY_CHECKS:
                yield name, _at(number, check(message.content))
            yield "name", _at(number, words.other_name(message.content, ruler.persona_name))
            yield "glossary", _at(number, contradicted(message.content, ruler))
            yield "length", _at(number, _length(message, example, ruler))
            yield "monotony", _at(number, _monotony(message, example, ruler))
    if example.provenance.teacher == "import":
        # What a teacher made up is nobody's address.
        yield "personal", personal(messages)
    if messages and messages[-1].role == "assistant":
        yield "truncated", words.truncated(messages[-1].content)


def _language(example: Example, languages: Sequence[str], ruler: Ruler) -> Iterator[tuple[str, str]]:
    """Compare replies with what the recipe asks for; where it may mix, anything goes."""
    recipe = ruler.recipes.get(example.recipe or "")
    if recipe is None:
        return
    slot = recipe.slot(example.slot or "")
    allowed = (slot.languages if slot else None) or recipe.languages
    if "mixed" in allowed:
        return
    for number, (message, language) in enumerate(zip(example.messages, languages, strict=True), 1):
        if message.role != "assistant" or language in allowed:
            continue
        if language == "mixed":
            yield "leak", f"turn {number} mixes, wanted {' or '.join(allowed)}"
        elif language in ("tr", "en"):
            yield "language", f"turn {number} is in {language}, wanted {' or '.join(allowed)}"


def _length(message: Message, example: Example, ruler: Ruler) -> str:
    count = len(message.content.split())
    factor = ruler.thresholds.length_factor
    recipe = ruler.recipes.get(example.recipe or "")
    usual = ruler.usual.get(example.recipe or "")
    if recipe is not None and recipe.expect.words is not None:
        low, high = recipe.expect.words
    elif usual is not None and usual.median_words is not None:
        low = high = round(usual.median_words)
    else:
        return ""
    if count > high * factor or count * factor < low:
        return f"{count} words, usual are {low if low == high else f'{low} to {high}'}"
    return ""


def _monotony(message: Message, example: Example, ruler: Ruler) -> str:
    share = words.repeated_share(message.content)
    if share > ruler.thresholds.repeated_share:
        return f"{share:.0%} repeats itself"
    usual = ruler.usual.get(example.recipe or "")
    begins = words.opening(message.content)
    alike = usual.openings.get(begins, 0.0) if usual else 0.0
    return f"{alike:.0%} of the replies begin “{begins}”" if alike > ruler.thresholds.opening_share else ""


def contradicted(text: str, ruler: Ruler) -> str:
    """Say so where a text defines a term of the glossary in words of which the glossary's meaning has none."""
    folded = text.casefold()
    for term, meaning in ruler.glossary.items():
        if term not in folded:
            continue
        for match in re.finditer(re.escape(term) + _DEFINES + r"([^.!?\n]{20,400})", text, re.IGNORECASE):
            own = stems(match[1])
            if len(match[1].split()) >= _FEWEST_WORDS and own and _language_fits(match[1]):
                shared = len(own & meaning) / len(own)
                if shared < ruler.thresholds.glossary_overlap:
                    return f"what it says of {term} shares no word with the glossary"
    return ""


def _language_fits(text: str) -> bool:
    """The glossary is written in English; what Turkish shares with it says nothing."""
    return language_of(text) == "en"


def _at(number: int, what: str) -> str:
    return f"turn {number}: {what}" if what else ""


def measure_again(example: Example, near: Example | None, ruler: Ruler) -> Signals:
    """Measure an example whose words changed; of near-duplicates only the one that it was near to is compared.

    The signals job compares it with all the others.
    """
    alike = similarity(words_of(example.messages), words_of(near.messages)) if near is not None else 0.0
    still = near is not None and alike >= ruler.thresholds.near_duplicate
    return measure(example, ruler).model_copy(
        update={
            "near_duplicate_of": near.id if near is not None and still else None,
            "near_duplicate_similarity": alike if still else None,
        }
    )
