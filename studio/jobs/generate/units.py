"""The plan of a generation job: every request is a unit with a stable id, so that a resume knows what is left."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from store.models import SourceDocument
from studio.config.recipes import Recipe, Slot

Counts = Mapping[tuple[str, str], int]
"""Examples by (recipe, slot)."""


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

    @property
    def place(self) -> tuple[str, str]:
        """Its recipe and slot."""
        return self.recipe, self.slot


def shares(target: int, slots: int) -> list[int]:
    """Spread a target evenly over slots to the last one: the first slots get one more where it does not divide."""
    return [target // slots + (1 if number < target % slots else 0) for number in range(slots)]


def missing(
    recipes: Iterable[Recipe],
    wanted: Callable[[Recipe], int],
    have: Counts,
    *,
    chosen: Callable[[Recipe, Slot], bool] = lambda _recipe, _slot: True,
    more: int | None = None,
    each: Mapping[str, int] | None = None,
) -> dict[tuple[str, str], int]:
    """Return how many examples each slot lacks; slots that lack none are left out.

    Args:
        recipes: in the order in which they are generated.
        wanted: examples of a recipe in all, those that are there included.
        have: what each slot has.
        chosen: which slots may be topped up; the share of the others is not given to them.
        more: so many examples of each recipe beyond what is there, over its chosen slots, whatever is wanted of it.
        each: so many examples of these slots, by `recipe/slot`, beyond what is there, and none of others.
    """
    lacking = {}
    for recipe in recipes:
        slots = [slot for slot in recipe.slots if chosen(recipe, slot)]
        if each:
            short = {slot.id: each.get(f"{recipe.name}/{slot.id}", 0) for slot in slots}
        elif more is not None:
            short = dict(zip([slot.id for slot in slots], shares(more, len(slots) or 1), strict=False))
        else:
            pairs = zip(recipe.slots, shares(wanted(recipe), len(recipe.slots)), strict=True)
            short = {
                slot.id: share - have.get((recipe.name, slot.id), 0) for slot, share in pairs if slot in slots
            }
        lacking.update({(recipe.name, slot): number for slot, number in short.items() if number > 0})
    return lacking


def plan(
    recipes: Iterable[Recipe], lacking: Counts, sources: Sequence[SourceDocument], order_id: str
) -> Iterator[Unit]:
    """Yield the units that give each slot what it lacks.

    Args:
        recipes: in the order in which they are generated.
        lacking: what each slot lacks.
        sources: collected documents; a recipe uses those of its categories in turn, and a slot that is named
            after a language, such as `rust`, only those in it.
        order_id: the job's id, which makes the units' ids differ from those of an earlier order.
    """
    for recipe in recipes:
        all_material = [source for source in sources if source.category in recipe.sources]
        by_language = {source.language for source in all_material} & {slot.id for slot in recipe.slots}
        ordinal = 0
        for slot in recipe.slots:
            left = lacking.get((recipe.name, slot.id), 0)
            languages = slot.languages or recipe.languages
            material = [s for s in all_material if not by_language or s.language == slot.id]
            while left > 0:
                count = min(left, recipe.examples_per_request)
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
                left -= count
                ordinal += 1


def another(like: Unit, count: int, number: int, language: str) -> Unit:
    """Return a further unit of a slot, `number` counting those that were added to it, from 1."""
    unit_id = _unit_id(like.id, like.recipe, like.slot, -number)
    return like.model_copy(update={"id": unit_id, "count": count, "language": language})


def _unit_id(order_id: str, recipe: str, slot: str, ordinal: int) -> str:
    return hashlib.sha256(f"{order_id}\0{recipe}\0{slot}\0{ordinal}".encode()).hexdigest()[:24]
