"""Whether an example is what its recipe asks for; each fault is a sentence for people."""

from __future__ import annotations

from collections.abc import Sequence

from store.models import Message
from studio.config.fields import LanguageMix
from studio.config.recipes import Recipe, Slot
from studio.jobs.generate.parts import missing_parts
from studio.jobs.signals.language import language_of

_LANGUAGES: tuple[LanguageMix, ...] = ("tr", "en", "mixed")
_OFF_BY = 1
"""So many exchanges more or fewer than the slot's are taken: a conversation ends where it is at its end."""


def faults(
    messages: Sequence[Message],
    recipe: Recipe,
    slot: Slot | None,
    phrases: tuple[str, ...],
    *,
    language: str = "",
) -> tuple[str, ...]:
    """Return what is wrong with an example, nothing where it passes.

    Args:
        messages: the conversation, without a system prompt.
        recipe: what it was made for.
        slot: its slot, None where the recipe no longer has it.
        phrases: the persona's own phrases, which are no leak of another language.
        language: the one that a teacher was asked for just now: then the replies must be in it, mixed ones where the
            recipe has such, and the slot's number of turns counts.
    """
    found = list(shape_faults(messages))
    fewest, most = recipe.turns
    if not fewest <= len(messages) <= most:
        found.append(f"{len(messages)} messages, wanted {fewest} to {most}")
    elif (
        language
        and slot is not None
        and slot.turns is not None
        and abs(len(messages) - 2 * slot.turns) > 2 * _OFF_BY
    ):
        found.append(f"{len(messages) / 2:g} turns, wanted {slot.turns}")
    found += _language_faults(messages, recipe, slot, phrases, language)
    replies = [message.content for message in messages if message.role == "assistant"]
    found += missing_parts(replies, recipe.expect, language)
    return tuple(found)


def _language_faults(
    messages: Sequence[Message], recipe: Recipe, slot: Slot | None, phrases: tuple[str, ...], ordered: str
) -> list[str]:
    wrong = {
        "assistant": _wrong((slot.languages if slot else None) or recipe.languages, ordered),
        # A question may name things in the other language, and ask for an answer in it.
        "user": _wrong(slot.asks, "") - {"mixed"} if slot and slot.asks else frozenset(),
    }
    found = []
    for number, message in enumerate(messages, start=1):
        unwanted = wrong.get(message.role)
        if unwanted and (language := language_of(message.content, phrases=phrases)) in unwanted:
            wanted = " or ".join(one for one in _LANGUAGES if one not in unwanted and one != "mixed")
            found.append(f"message {number} is in {language}, wanted {wanted}")
    return found


def _wrong(languages: Sequence[LanguageMix], ordered: str) -> frozenset[str]:
    """Return the languages that a turn must not have; where it may mix and nothing was ordered, anything goes."""
    if ordered in ("tr", "en"):
        return frozenset(_LANGUAGES) - {ordered} - ({"mixed"} & set(languages))
    return frozenset() if "mixed" in languages else frozenset(_LANGUAGES) - set(languages)


def shape_faults(messages: Sequence[Message]) -> tuple[str, ...]:
    """Return what is wrong with the turns of any conversation that shall be trained on."""
    found = []
    roles = [message.role for message in messages]
    wanted = ["user" if number % 2 == 0 else "assistant" for number in range(len(roles))]
    if not roles:
        found.append("no messages")
    elif roles != wanted or roles[-1] != "assistant":
        found.append("turns do not alternate from the user's to the assistant's")
    found += [f"message {n} is empty" for n, m in enumerate(messages, start=1) if not m.content.strip()]
    return tuple(found)
