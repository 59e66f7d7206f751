"""Whether an example is what its recipe asks for; each fault is a sentence for people."""

from __future__ import annotations

from collections.abc import Sequence

from store.models import Message
from studio.config.recipes import Recipe, Slot
from studio.jobs.signals.language import language_of


def faults(
    messages: Sequence[Message], recipe: Recipe, slot: Slot | None, phrases: tuple[str, ...]
) -> tuple[str, ...]:
    """Return what is wrong with an example, nothing where it passes.

    Args:
        messages: the conversation, without a system prompt.
        recipe: what it was made for.
        slot: its slot, None where the recipe no longer has it.
        phrases: the persona's own phrases, which are no leak of another language.
    """
    found = list(shape_faults(messages))
    fewest, most = recipe.turns
    if not fewest <= len(messages) <= most:
        found.append(f"{len(messages)} messages, wanted {fewest} to {most}")
    allowed = (slot.languages if slot else None) or recipe.languages
    if "mixed" not in allowed:
        for number, message in enumerate(messages, start=1):
            language = language_of(message.content, phrases=phrases)
            if message.role == "assistant" and language in ("tr", "en", "mixed") and language not in allowed:
                found.append(f"message {number} is in {language}, wanted {' or '.join(allowed)}")
    return tuple(found)


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
