"""How each slot of an order stands: what it has, what is on its way, and whether it brings anything new."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal

from studio.jobs.generate.units import Unit

Verdict = Literal["made", "rejected", "duplicate"]
"""What became of an example: it counts, it breaks its recipe, or it repeats another one."""
Place = tuple[str, str]
"""Recipe and slot."""

_LOOKED_AT = 6
"""Answers of a slot by which its yield is judged …"""
_FEWEST = 4
"""… but not before so many."""
_YIELD = 0.1
"""A slot of whose ordered examples fewer count is exhausted: asking on costs ten times what it should."""


@dataclass
class _Slot:
    wanted: int = 0
    made: int = 0
    open: int = 0
    """Examples of units without an answer."""
    recent: deque[list[int]] = field(default_factory=lambda: deque(maxlen=_LOOKED_AT))
    """[examples that count, examples that were ordered] of the newest answers."""
    exhausted: bool = False


class Slots:
    """The books of an order by slot and by recipe."""

    def __init__(self) -> None:
        self._slots: dict[Place, _Slot] = {}
        self.failed: Counter[str] = Counter()
        """Requests without a usable reply, by recipe."""
        self.verdicts: dict[Verdict, Counter[str]] = {
            "made": Counter(),
            "rejected": Counter(),
            "duplicate": Counter(),
        }
        """Examples by what became of them and by recipe."""

    def order(self, unit: Unit, *, wanted: bool = True) -> None:
        """Note a unit that is to be asked for; one that makes up for another is not `wanted` beyond that."""
        slot = self._slot(unit.place)
        slot.open += unit.count
        if wanted:
            slot.wanted += unit.count

    def answer(self, unit: Unit, *, failed: bool) -> None:
        """Note a unit's answer; its examples follow by `judge`."""
        slot = self._slot(unit.place)
        slot.open = max(0, slot.open - unit.count)
        slot.recent.append([0, unit.count])
        if failed:
            self.failed[unit.recipe] += 1

    def judge(self, place: Place, verdict: Verdict) -> None:
        """Note what became of an example of the answer that came last."""
        self.verdicts[verdict][place[0]] += 1
        if verdict == "made":
            slot = self._slot(place)
            slot.made += 1
            if slot.recent:
                slot.recent[-1][0] += 1

    def short(self, place: Place) -> int:
        """Return how many examples a slot will lack when all that is open has come as ordered."""
        slot = self._slot(place)
        return max(0, slot.wanted - slot.made - slot.open)

    def lacking(self) -> dict[Place, int]:
        """Return what each slot lacks now, what is open included; slots that have all are left out."""
        return {p: left for p, slot in self._slots.items() if (left := slot.wanted - slot.made) > 0}

    def exhaust(self, place: Place) -> bool:
        """Declare a slot exhausted where its answers bring nothing new any more; say whether it is so from now on."""
        slot = self._slot(place)
        made, ordered = (sum(column) for column in zip(*slot.recent, strict=True)) if slot.recent else (0, 0)
        poor = len(slot.recent) >= _FEWEST and made < _YIELD * ordered
        if slot.exhausted or not poor or slot.made >= slot.wanted:
            return False
        slot.exhausted = True
        return True

    def reopen(self, place: Place) -> None:
        """Give a slot another chance."""
        slot = self._slot(place)
        slot.exhausted = False
        slot.recent.clear()

    def is_exhausted(self, place: Place) -> bool:
        """Say whether a slot is not asked for again."""
        slot = self._slots.get(place)
        return slot is not None and slot.exhausted

    def exhausted(self, recipe: str | None = None) -> tuple[Place, ...]:
        """Return the exhausted slots, of one recipe or of all."""
        return tuple(p for p, slot in self._slots.items() if slot.exhausted and recipe in (None, p[0]))

    def places(self) -> tuple[Place, ...]:
        """Return all slots of the order."""
        return tuple(self._slots)

    def wanted(self, recipe: str | None = None) -> int:
        """Return how many examples were ordered, of one recipe or in all."""
        return sum(slot.wanted for place, slot in self._slots.items() if recipe in (None, place[0]))

    def made(self, recipe: str | None = None) -> int:
        """Return how many examples count, of one recipe or in all."""
        return sum(slot.made for place, slot in self._slots.items() if recipe in (None, place[0]))

    def _slot(self, place: Place) -> _Slot:
        return self._slots.setdefault(place, _Slot())
