"""The words of a request: a recipe's templates filled for one unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from studio.config.recipes import Slot, fill
from studio.jobs.generate.order import Order
from studio.jobs.generate.parse import FORMAT, SCHEMA
from studio.jobs.generate.units import Unit

LANGUAGES = {"tr": "Turkish", "en": "English", "mixed": "Turkish and English mixed in one sentence"}

MOST_SOURCE_CHARACTERS = 12_000
"""Of one piece of material; a longer section is cut, or a single request could cost what a hundred should."""


@dataclass(frozen=True)
class Request:
    """What is sent to a teacher."""

    system: str
    """The same for all units of a recipe, so that the server can cache it."""
    user: str
    model: str | None = None
    """None is the account's."""
    max_tokens: int | None = None
    """Output tokens at most, thinking included; None is the server's default here."""
    temperature: float | None = None
    schema: dict[str, Any] = field(default_factory=lambda: SCHEMA)
    """Of the JSON that is asked for, for servers that hold a model to one."""


def request(unit: Unit, order: Order, asked: tuple[str, ...]) -> Request:
    """Render the request of a unit.

    Args:
        unit: the unit.
        order: the recipes and the glossary.
        asked: questions that this slot has already.
    """
    recipe = order.recipe(unit.recipe)
    slot = recipe.slot(unit.slot)
    values = {
        "glossary": order.glossary,
        "count": str(unit.count),
        "languages": LANGUAGES.get(unit.language, unit.language),
        "slot": _described(slot) if slot else unit.slot,
        "source": _cut(unit.source_text) or "(none)",
    }
    already = ""
    if asked:
        listed = "\n".join(f"- {question[:200]}" for question in asked)
        already = f"\n\nThese were asked already; ask something else:\n{listed}"
    return Request(
        system=fill(recipe.prompt.system, values),
        user=f"{fill(recipe.prompt.user, values)}{already}\n\n{FORMAT}",
        model=recipe.teacher.model,
        max_tokens=recipe.teacher.max_tokens,
        temperature=recipe.teacher.temperature,
    )


def _cut(text: str) -> str:
    return text if len(text) <= MOST_SOURCE_CHARACTERS else text[:MOST_SOURCE_CHARACTERS] + "\n[…]"


def _described(slot: Slot) -> str:
    parts = [slot.title]
    if slot.turns:
        parts.append(f"{slot.turns} turns")
    parts += [f"{name}: {value}" for name, value in (("mood", slot.mood), ("style", slot.style)) if value]
    return ", ".join(parts)
