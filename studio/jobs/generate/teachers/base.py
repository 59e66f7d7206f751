"""What all teachers have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from studio.jobs import events
from studio.jobs.events import Event
from studio.jobs.generate.queue import UnitQueue
from studio.jobs.generate.units import Unit
from studio.jobs.process.control import Command

Asked = Callable[[], Command | None]
"""Tells what is wanted of the job now: `JobContext.control.requested`."""

HOLDING: frozenset[Command | None] = frozenset({"pause", "stop", "stop_and_save"})
"""Commands at which nothing new is begun."""


class BudgetUsedError(Exception):
    """What comes next could pass the budget, and nothing is in flight any more; `usd` is its worst case."""

    def __init__(self, usd: float) -> None:
        super().__init__(f"${usd:.4f}")
        self.usd = usd


@dataclass(frozen=True)
class Answer:
    """A teacher's answer to a unit, as the event that keeps it."""

    unit: Unit
    event: events.Unit


class Teacher(Protocol):
    """Who answers units."""

    def answers(self, queue: UnitQueue) -> AsyncIterator[Answer | Event]:
        """Take units from the queue, to which more may be added meanwhile, and yield their answers as they come.

        Failed answers are answers too. Between them comes what there is to tell. Ends when the queue is empty and
        all is home, or early when the job has to hold: then some units have no answer.
        """
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...


class OfflineTeacher:
    """Knows only what was written by hand: a unit's answer stands in the order already."""

    def __init__(self, requested: Asked) -> None:
        self._requested = requested

    async def answers(self, queue: UnitQueue) -> AsyncIterator[Answer | Event]:
        """Yield one answer a unit, in their order."""
        while len(queue) and self._requested() not in HOLDING:
            unit = queue.take()
            yield Answer(unit, events.Unit(unit_id=unit.id, state="done"))

    async def close(self) -> None:
        """Nothing is held."""
