"""Units that are added to an order while it runs: for what was a duplicate, broke its recipe or failed."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

from studio.jobs.generate.order import Order
from studio.jobs.generate.slots import Place
from studio.jobs.generate.units import Unit, another
from studio.jobs.rows import RowFile

MORE_FILE = "more.jsonl"


class Refill:
    """Plans further units of a slot, on the disk before they are asked for, so that a resume knows them."""

    def __init__(self, folder: Path, order: Order) -> None:
        """Read what earlier processes of the job have added."""
        self._order = order
        self._originals: defaultdict[Place, list[Unit]] = defaultdict(list)
        for unit in order.units:
            self._originals[unit.place].append(unit)
        self._added: Counter[Place] = Counter()
        self._file = RowFile(folder / MORE_FILE)
        self.units: list[Unit] = []
        """All that was added before this process."""
        for row in self._file.rows:
            place = (str(row.get("recipe")), str(row.get("slot")))
            if place in self._originals:
                self.units.append(self._next(place, int(row.get("count", 1))))

    def plan(self, place: Place, examples: int) -> list[Unit]:
        """Return units for so many more examples of a slot that the order has.

        Raises:
            OSError: they could not be written down, so they must not be asked for.
        """
        each = self._order.recipe(place[0]).examples_per_request
        counts = [each] * (examples // each) + ([examples % each] if examples % each else [])
        recipe, slot = place
        self._file.append([{"recipe": recipe, "slot": slot, "count": count} for count in counts])
        return [self._next(place, count) for count in counts]

    def _next(self, place: Place, count: int) -> Unit:
        self._added[place] += 1
        number = self._added[place]
        originals = self._originals[place]
        # Other material and another language than the last time, as the plan does it.
        like = originals[(number - 1) % len(originals)]
        recipe = self._order.recipe(place[0])
        slot = recipe.slot(place[1])
        languages = (slot.languages if slot else None) or recipe.languages
        language = languages[(len(originals) + number - 1) % len(languages)]
        return another(like, count, number, language)
