"""The plan of a generation job: every request is a unit with a stable id, so that a resume knows what is left."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from store.models import SourceDocument
from studio.config.recipes import Recipe

Have = Mapping[tuple[str, str], int]
"""Examples that a recipe's slot has already, by (recipe, slot)."""


class Unit(BaseModel):
    """One request: so many examples of one slot."""

    model_config = ConfigDict(frozen=True)

    id: str
    recipe: str
    slot: str
    count: int
    language: str
    """`tr`, `en` or `mixed`: the language of the replies."""
    source_id: str | None = None
    source_path: str | None = None
    source_lines: tuple[int, int] | None = None
    source_text: str = ""
    """What the prompt draws on; empty where nothing was collected."""


def shares(target: int, slots: int) -> list[int]:
    """Spread a target evenly over slots to the last one: the first slots get one more where it does not divide."""
    return [target // slots + (1 if number < target % slots else 0) for number in range(slots)]


def plan(
    recipes: Iterable[Recipe],
    wanted: Callable[[Recipe], int],
    have: Have,
    sources: Sequence[SourceDocument],
    order_id: str,
) -> Iterator[Unit]:
    """Yield the units that fill each recipe up to the number wanted.

    Args:
        recipes: in the order in which they are generated.
        wanted: examples of a recipe in all, those that are there included.
        have: what each slot has.
        sources: collected documents; a recipe uses those of its categories in turn, and a slot that is named
            after a language, such as `rust`, only those in it.
        order_id: the job's id, which makes the units' ids differ from those of an earlier order.
    """
    for recipe in recipes:
        all_material = [source for source in sources if source.category in recipe.sources]
        by_language = {source.language for source in all_material} & {slot.id for slot in recipe.slots}
        ordinal = 0
        for slot, share in zip(recipe.slots, shares(wanted(recipe), len(recipe.slots)), strict=True):
            missing = share - have.get((recipe.name, slot.id), 0)
            languages = slot.languages or recipe.languages
            material = [s for s in all_material if not by_language or s.language == slot.id]
            while missing > 0:
                count = min(missing, recipe.examples_per_request)
                source = material[ordinal % len(material)] if material else None
                yield Unit(
                    id=_unit_id(order_id, recipe.name, slot.id, ordinal),
                    recipe=recipe.name,
                    slot=slot.id,
                    count=count,
                    language=languages[ordinal % len(languages)],
                    source_id=source.id if source else None,
                    source_path=source.path if source else None,
                    source_lines=source.lines if source else None,
                    source_text=source.text if source else "",
                )
                missing -= count
                ordinal += 1


def _unit_id(order_id: str, recipe: str, slot: str, ordinal: int) -> str:
    return hashlib.sha256(f"{order_id}\0{recipe}\0{slot}\0{ordinal}".encode()).hexdigest()[:24]
