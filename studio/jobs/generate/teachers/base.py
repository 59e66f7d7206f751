"""What all teachers have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from studio.jobs import events
from studio.jobs.events import Log
from studio.jobs.generate.units import Unit
from studio.jobs.process.control import Command

Asked = Callable[[], Command | None]
"""Tells what is wanted of the job now: `JobContext.control.requested`."""

HOLDING: frozenset[Command | None] = frozenset({"pause", "stop", "stop_and_save"})
"""Commands at which nothing new is begun."""


@dataclass(frozen=True)
class Answer:
    """A teacher's answer to a unit, as the event that keeps it."""

    unit: Unit
    event: events.Unit


class Teacher(Protocol):
    """Who answers units."""

    def answers(self, units: Iterable[Unit]) -> AsyncIterator[Answer | Log]:
        """Yield the answers in the order in which they come, and what there is to tell meanwhile.

        Failed answers are answers too. Ends early when the job has to hold: then some units have none.
        """
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...


class OfflineTeacher:
    """Knows only what was written by hand: a unit's answer stands in the order already."""

    def __init__(self, requested: Asked) -> None:
        self._requested = requested

    async def answers(self, units: Iterable[Unit]) -> AsyncIterator[Answer | Log]:
        """Yield one answer a unit, in their order."""
        for unit in units:
            if self._requested() in HOLDING:
                return
            yield Answer(unit, events.Unit(unit_id=unit.id, state="done"))

    async def close(self) -> None:
        """Nothing is held."""
