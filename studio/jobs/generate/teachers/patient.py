"""Calls that are made again as long as that can help, with what is to be told meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from studio.jobs.events import Event, Log
from studio.jobs.generate.order import Spec
from studio.jobs.generate.teachers.base import HOLDING, Asked
from studio.jobs.generate.teachers.faults import AttemptError, Backoff
from studio.jobs.generate.teachers.trouble import Health

T = TypeVar("T")
After = Callable[[AttemptError, int], Awaitable[None]]
"""Waits after an attempt that failed, the first one being 1; raises where there shall be no other one."""

_POLL_SECONDS = 0.1


async def persist(call: Callable[[], Awaitable[T]], after: After) -> T:
    """Return what a call brings, made again until it brings something or `after` has enough.

    Raises:
        JobError: the server says that asking again cannot help.
        Exception: what `after` raises, and what else the call raises.
    """
    attempt = 0
    while True:
        try:
            return await call()
        except AttemptError as fault:
            if fault.final:
                raise fault.final from fault
            attempt += 1
            await after(fault, attempt)


def few_times(backoff: Backoff, *, pay_twice: bool) -> After:
    """Return an `after` for one question that a person waits for: a few attempts, then the fault itself.

    Args:
        backoff: how many attempts, and how long between them.
        pay_twice: whether a question is asked again although its lost answer may have been billed.
    """

    async def after(fault: AttemptError, attempt: int) -> None:
        if attempt >= backoff.tries or (fault.may_be_billed and not pay_twice):
            raise fault
        await asyncio.sleep(backoff.seconds(attempt - 1, fault.retry_after))

    return after


class Patient:
    """One call after the other to one server, by a job that can wait."""

    def __init__(self, spec: Spec, requested: Asked, tick: Callable[[], None], *, known: bool) -> None:
        """`tick` is called often while it waits; `known` is whether the server has answered this job before."""
        self._requested = requested
        self._tick = tick
        self._backoff = Backoff(first_seconds=spec.backoff_seconds)
        self._health = Health(spec.patience_seconds, known=known)
        self.news: deque[Event] = deque()
        """What is to be told."""

    async def __call__(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what a call brings, made again as long as that can help.

        Raises:
            JobError: the server refuses, or has been away for too long.
            Exception: what else the call raises.
        """
        found = await persist(call, self.after)
        if said := self._health.well():
            self.news.append(Log(text=said))
        return found

    async def after(self, fault: AttemptError, attempt: int) -> None:
        """Wait after an attempt that failed, the first one being 1.

        Raises:
            JobError: the server has been away for too long, or has never answered.
        """
        self._health.ill(fault)
        if self._health.over() or (attempt >= self._backoff.tries and not self._health.known):
            raise self._health.error(fault, attempt) from fault
        seconds = self._backoff.seconds(min(attempt - 1, 16), fault.retry_after)
        if attempt <= self._backoff.tries:
            text = f"{fault}; asking again in {seconds:.1f} s (attempt {attempt} of {self._backoff.tries})"
            self.news.append(Log(level="warning", text=text))
        await self.sleep(seconds)

    async def sleep(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Wait, but not on when the job has to hold or `until` has come true."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self._requested() not in HOLDING and not until():
            await asyncio.sleep(min(_POLL_SECONDS, left))
            self._tick()
