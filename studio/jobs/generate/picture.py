"""What is to be seen of a generation job: its figures by recipe and its traffic, folded from its events."""

from __future__ import annotations

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
        found: list[tuple[float, str]] = []
        for one in self.recipes.values():
            examples = one.made + one.rejected + one.duplicates
            for number, what in ((one.rejected, "break the recipe"), (one.duplicates, "are near-duplicates")):
                if examples >= _FEWEST and number > WARN_SHARE * examples:
                    share = number / examples
                    found.append((share, f"{one.recipe}: {share:.0%} {what}"))
            if one.failed >= _FEWEST_REQUESTS and one.failed > WARN_SHARE * max(1, examples):
                found.append((1.0, f"{one.recipe}: {one.failed} requests failed"))
            if one.monotony:
                found.append((one.monotony_share, f"{one.recipe}: {one.monotony}"))
            if one.exhausted:
                found.append((0.0, f"{one.recipe}: exhausted: {', '.join(one.exhausted)}"))
        return [text for _, text in sorted(found, key=lambda item: -item[0])]

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
