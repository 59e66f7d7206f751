"""How many examples there are, kept exact at every change."""

from __future__ import annotations

from dataclasses import dataclass, field

from store.memory import TableMemory, tally_by
from store.models import Status

UNASSIGNED = "unassigned"
"""The key in `by_split` of examples that have no split yet."""
SPLITS = ("train", "valid", "test", UNASSIGNED)


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of examples; every status and split is there, also with 0."""

    total: int = 0
    by_status: dict[str, int] = field(default_factory=dict)
    by_category: dict[str, int] = field(default_factory=dict)
    by_split: dict[str, int] = field(default_factory=dict)
    by_category_status: dict[str, dict[str, int]] = field(default_factory=dict)
    """Category, then status; every status is there."""


def count_examples(examples: TableMemory) -> Counts:
    """Sum up the tally of the examples: as many steps as there are combinations, however many examples."""
    status, category, split = (examples.indexes.index(name) for name in ("status", "category", "split"))
    by_category_status: dict[str, dict[str, int]] = {}
    for (category_, status_), count in sorted(tally_by(examples, category, status).items(), key=str):
        by_category_status.setdefault(str(category_), dict.fromkeys(map(str, Status), 0))[str(status_)] = (
            count
        )
    return Counts(
        total=len(examples.raws),
        by_status=dict.fromkeys(map(str, Status), 0) | _named(examples, status),
        by_category=dict(sorted(_named(examples, category).items())),
        by_split=dict.fromkeys(SPLITS, 0) | _named(examples, split),
        by_category_status=by_category_status,
    )


def _named(examples: TableMemory, position: int) -> dict[str, int]:
    return {
        UNASSIGNED if value is None else str(value): count
        for (value,), count in tally_by(examples, position).items()
    }
