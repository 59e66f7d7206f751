"""The units that wait to be asked for, in an order that may change while the job runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from studio.jobs.generate.units import Unit


class UnitQueue:
    """Units in their order, taken from the front."""

    def __init__(self, units: Iterable[Unit] = ()) -> None:
        self._units: deque[Unit] = deque(units)

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._units)

    def peek(self) -> Unit:
        """Return the next unit and leave it.

        Raises:
            IndexError: none waits.
        """
        return self._units[0]

    def take(self) -> Unit:
        """Return the next unit; raises as `peek`."""
        return self._units.popleft()

    def give_back(self, unit: Unit) -> None:
        """Put a unit to the front again."""
        self._units.appendleft(unit)

    def add(self, units: Iterable[Unit]) -> None:
        """Put units to the end."""
        self._units.extend(units)

    def replace(self, units: Iterable[Unit]) -> None:
        """Let these wait instead of those that do."""
        self._units = deque(units)

    def drop(self, place: tuple[str, str]) -> list[Unit]:
        """Take out the units of a recipe's slot and return them."""
        dropped = [unit for unit in self._units if unit.place == place]
        self._units = deque(unit for unit in self._units if unit.place != place)
        return dropped

    def bring_forward(self, place: tuple[str, str]) -> None:
        """Put the units of a recipe's slot to the front, as they were among themselves."""
        self._units = deque(sorted(self._units, key=lambda unit: unit.place != place))

    def __contains__(self, unit_id: str) -> bool:
        """Say whether a unit waits."""
        return any(unit.id == unit_id for unit in self._units)

    def reorder(self, recipes: Sequence[str]) -> None:
        """Put the units of these recipes first, in the order of the names; the others follow as they were."""
        place = {name: number for number, name in enumerate(recipes)}
        self._units = deque(sorted(self._units, key=lambda unit: place.get(unit.recipe, len(place))))
