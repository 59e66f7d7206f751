"""Ordering again what was rejected: as many as there were, in the same slots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from store.database import Store
from studio.config.recipes import Recipe


def places_of(store: Store, ids: Iterable[str], recipes: Iterable[Recipe]) -> dict[str, int]:
    """Return how many of these examples each slot has, by `recipe/slot`, as far as the recipes still have it.

    What was collected, or written by hand, has no recipe and is in none.
    """
    known = {f"{recipe.name}/{slot.id}" for recipe in recipes for slot in recipe.slots}
    return dict(Counter(place for key in ids if (place := _place(store, key, known))))


def _place(store: Store, example_id: str, known: Collection[str]) -> str | None:
    example = store.examples.get(example_id)
    place = f"{example.recipe}/{example.slot}" if example is not None else ""
    return place if place in known else None
