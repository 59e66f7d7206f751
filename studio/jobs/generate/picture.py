"""What is to be seen of a generation job: its figures by recipe and its traffic, folded from its events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from studio.jobs.events import Event, RecipeFigures, Traffic

WARN_SHARE = 0.1
"""Of a recipe's examples or requests that are lost, from which it is told."""
_FEWEST = 20
"""Examples from which on a share says something."""
_FEWEST_REQUESTS = 5


@dataclass(frozen=True)
class Picture:
    """The newest figures."""

    recipes: dict[str, RecipeFigures] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)

    def after(self, event: Event) -> Picture:
        """Return the picture after one more event."""
        if isinstance(event, RecipeFigures):
            return replace(self, recipes=self.recipes | {event.recipe: event})
        return replace(self, traffic=event) if isinstance(event, Traffic) else self

    @property
    def failed(self) -> int:
        """Requests without a usable reply."""
        return sum(one.failed for one in self.recipes.values())

    @property
    def rejected(self) -> int:
        """Examples that broke their recipe."""
        return sum(one.rejected for one in self.recipes.values())

    @property
    def duplicates(self) -> int:
        """Near-duplicates."""
        return sum(one.duplicates for one in self.recipes.values())

    def exhausted(self) -> tuple[str, ...]:
        """Return the exhausted slots as `recipe/slot`."""
        return tuple(f"{one.recipe}/{slot}" for one in self.recipes.values() for slot in one.exhausted)

    def warnings(self) -> list[str]:
        """Return what a person should look at, in sentences, the worst recipe first."""
        found = [warning for one in self.recipes.values() for warning in warnings_of(one)]
        return [warning.text for warning in sorted(found, key=lambda warning: -warning.share)]

    def note(self, recipe: str) -> str:
        """Return the most telling figure of a recipe in a few cells: `dup 2.1 %`; empty where all is well."""
        one = self.recipes.get(recipe)
        if one is None:
            return ""
        examples = max(1, one.made + one.rejected + one.duplicates)
        shares = (
            (one.duplicates / examples, "dup"),
            (one.rejected / examples, "bad"),
            (one.failed / max(1, one.failed + examples), "fail"),
        )
        share, name = max(shares)
        return f"{name} {share:.1%}" if share > 0 else ""


@dataclass(frozen=True)
class Warned:
    """Something of a recipe that a person should look at."""

    kind: str
    """By which it is told once, though its numbers go on: `rejected`, `duplicates`, `failed`, `monotony` …"""
    share: float
    """How bad it is, in 0..1."""
    text: str


def warnings_of(figures: RecipeFigures) -> Iterator[Warned]:
    """Yield what a person should look at of one recipe."""
    one, name = figures, figures.recipe
    examples = one.made + one.rejected + one.duplicates
    shares = (
        ("rejected", one.rejected, "break the recipe"),
        ("duplicates", one.duplicates, "are near-duplicates"),
    )
    for kind, number, what in shares:
        if examples >= _FEWEST and number > WARN_SHARE * examples:
            yield Warned(kind, number / examples, f"{name}: {number / examples:.0%} {what}")
    if one.failed >= _FEWEST_REQUESTS and one.failed > WARN_SHARE * max(1, examples):
        yield Warned("failed", 1.0, f"{name}: {one.failed} requests failed")
    if one.monotony:
        # What is alike, without its share.
        kind = f"monotony {one.monotony.partition(' ')[2]}"
        yield Warned(kind, one.monotony_share, f"{name}: {one.monotony}")
    if one.exhausted:
        yield Warned("exhausted", 0.0, f"{name}: exhausted: {', '.join(one.exhausted)}")
