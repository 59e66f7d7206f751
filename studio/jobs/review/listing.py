"""What the reviewer sees: the ids of examples by filter, and the decision that undo would take back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from store.database import Store
from store.models import Example
from studio.jobs.review.search import fold, pattern


@dataclass(frozen=True)
class Filter:
    """Which examples are listed; None and an empty text leave all in."""

    status: str | None = None
    category: str | None = None
    text: str = ""

    @property
    def equal(self) -> dict[str, Any]:
        """The fields that the store's indexes answer."""
        wanted = {"status": self.status, "category": self.category}
        return {name: value for name, value in wanted.items() if value is not None}


def list_ids(store: Store, wanted: Filter) -> list[str]:
    """Return the ids of the examples that pass the filter, in the order in which they came."""
    ids = store.examples.ids(**wanted.equal)
    if not wanted.text:
        return ids
    found = pattern(wanted.text)
    return [
        example.id
        for example in store.examples.find(**wanted.equal)
        if any(found.search(fold(part)) for part in _texts(example))
    ]


def load(store: Store, ids: list[str]) -> dict[str, Example]:
    """Return the examples that still exist."""
    return {key: example for key in ids if (example := store.examples.get(key)) is not None}


def last_decided(store: Store) -> list[str]:
    """Return the ids that the newest decision touched: one, or all of a bulk act; empty where there is none."""
    newest: Example | None = None
    for example in store.examples:
        if example.decisions and (newest is None or example.decisions[-1].at > newest.decisions[-1].at):
            newest = example
    if newest is None:
        return []
    batch = newest.decisions[-1].batch_id
    if batch is None:
        return [newest.id]
    return [e.id for e in store.examples if e.decisions and e.decisions[-1].batch_id == batch]


def _texts(example: Example) -> list[str]:
    return [*(message.content for message in example.messages), example.slot or "", example.recipe or ""]
