"""What the dataset consists of: tokens, categories by language and status, slots, openings, teachers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from store.models import Example, Status
from studio.config.recipes import Recipe
from studio.jobs.review.catalog import Traits
from studio.jobs.signals.words import opening

_OPENINGS = 12
_BINS = (64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)


@dataclass(frozen=True)
class Statistics:
    """All of it; rejected examples count only in the table."""

    table: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)
    """Category, then language of the replies, then status."""
    slots: dict[str, dict[str, int]] = field(default_factory=dict)
    """Recipe, then slot; a slot that nothing fills is there with 0."""
    openings: tuple[tuple[str, int], ...] = ()
    """The most frequent first three words of replies."""
    teachers: tuple[tuple[str, int], ...] = ()
    replies: int = 0


def statistics(
    traits: Iterable[tuple[Traits, int]], recipes: Iterable[Recipe], replies: Iterable[str]
) -> Statistics:
    """Sum up a catalogue's traits and the texts of all replies."""
    table: dict[str, dict[str, Counter[str]]] = {}
    slots = {recipe.name: {slot.id: 0 for slot in recipe.slots} for recipe in recipes}
    teachers: Counter[str] = Counter()
    for each, number in traits:
        language = "+".join(each.languages) or "not measured"
        table.setdefault(each.category, {}).setdefault(language, Counter())[each.status] += number
        if each.status != Status.REJECTED:
            teachers[each.teacher] += number
            if each.recipe in slots:
                found = slots[each.recipe]
                found[each.slot] = found.get(each.slot, 0) + number
    begun = Counter(opening(text) for text in replies)
    return Statistics(
        table=dict(sorted(table.items())),
        slots=slots,
        openings=tuple(begun.most_common(_OPENINGS)),
        teachers=tuple(teachers.most_common()),
        replies=begun.total(),
    )


def replies_of(examples: Iterable[Example]) -> list[str]:
    """Return the texts of all replies of examples that were not rejected."""
    return [
        message.content
        for example in examples
        if example.status != Status.REJECTED
        for message in example.messages
        if message.role == "assistant"
    ]


def histogram(lengths: Sequence[int], longest: int) -> list[tuple[str, int, bool]]:
    """Return how many lengths fall into each bin, with the bin's name and whether it is cut by `longest` tokens."""
    bounds = sorted({*(bound for bound in _BINS if bound < longest), longest})
    bounds += [bound for bound in _BINS if bound > longest]
    made, below = [], 0
    for bound in bounds:
        number = sum(below < length <= bound for length in lengths)
        made.append((f"{below + 1}–{bound}", number, below >= longest))
        below = bound
    made.append((f"> {below}", sum(length > below for length in lengths), True))
    while len(made) > 1 and made[-1][1] == 0 and made[-1][2]:
        made.pop()
    return made
