"""Many examples to a teacher, some at a time and never above a limit of money."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from store.database import Store
from store.live import AsyncStore
from store.models import Example
from studio.jobs.events import Log, Progress
from studio.jobs.generate.teachers.faults import AttemptError
from studio.jobs.review.asking import NoAnswerError


class Priced(Protocol):
    """An answer that says what it cost."""

    @property
    def cost_usd(self) -> float | None:
        """In US dollars; None where the price is not known."""


T = TypeVar("T", bound=Priced)


@dataclass(frozen=True)
class Answered(Generic[T]):
    """What became of one example: either an answer or why there is none."""

    example: Example
    answer: T | None
    fault: str = ""


@dataclass
class Budgeted(Generic[T]):
    """Asks about each example; what is in flight counts at its worst case."""

    store: AsyncStore
    ids: Sequence[str]
    ask: Callable[[Example], Coroutine[Any, Any, T]]
    most_usd: Callable[[Example], float | None]
    """What one example can cost at most; None where the price is not known, which counts as nothing."""
    limit_usd: float | None
    """Never passed; None for no limit."""
    concurrency: int = 4
    done: int = 0
    """Examples that need nothing any more, those that are gone included."""
    spent_usd: float = 0.0
    left: int = 0
    """Examples that the limit left out."""
    _in_flight: dict[asyncio.Task[T], tuple[Example, float]] = field(default_factory=dict)

    async def answers(self) -> AsyncGenerator[Answered[T], None]:
        """Yield what comes, as it comes.

        Raises:
            JobError: the teacher's server refuses for good; what came before was yielded.
        """
        waiting = list(reversed(self.ids))
        try:
            while waiting or self._in_flight:
                while waiting and len(self._in_flight) < self.concurrency and await self._send(waiting):
                    pass
                if not self._in_flight:
                    break
                ended, _ = await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    yield self._take(task)
        finally:
            for task in self._in_flight:
                task.cancel()

    def progress(self, label: str) -> Progress:
        """Return how far it is."""
        return Progress(
            done=self.done, total=len(self.ids), unit="examples", label=label, spent_usd=self.spent_usd
        )

    def left_out(self) -> Iterator[Log]:
        """Yield what is to be said where the limit left examples out."""
        if self.left:
            yield Log(level="warning", text=f"{self.left} are left: ${self.limit_usd:.2f} is the limit.")

    async def _send(self, waiting: list[str]) -> bool:
        """Ask about the next example; False, and nothing waits any more, where the limit does not allow it."""
        example = await self.store.run(partial(_get, key=waiting[-1]))
        if example is None:
            waiting.pop()
            self.done += 1
            return True
        most = self.most_usd(example) or 0.0
        at_most = self.spent_usd + sum(usd for _, usd in self._in_flight.values()) + most
        if self.limit_usd is not None and at_most > self.limit_usd + 1e-9:
            self.left = len(waiting)
            waiting.clear()
            return False
        waiting.pop()
        self._in_flight[asyncio.create_task(self.ask(example))] = (example, most)
        return True

    def _take(self, task: asyncio.Task[T]) -> Answered[T]:
        example, most = self._in_flight.pop(task)
        self.done += 1
        try:
            answer = task.result()
        except NoAnswerError as error:
            self.spent_usd += most if error.cost_usd is None else error.cost_usd
            return Answered(example, None, str(error))
        except AttemptError as error:
            # It may have been billed: so it counts at its worst case.
            self.spent_usd += most if error.may_be_billed else 0.0
            return Answered(example, None, str(error))
        self.spent_usd += answer.cost_usd or 0.0
        return Answered(example, answer)


def _get(database: Store, *, key: str) -> Example | None:
    return database.examples.get(key)
