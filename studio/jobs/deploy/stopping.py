"""Wait for a server without going deaf to a stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing, suppress
from typing import TypeVar, cast

from studio.jobs.process.control import Control

T = TypeVar("T")

_POLL_SECONDS = 0.2


class StopAskedError(Exception):
    """The person wants the job to end; it is no failure."""


async def or_stop(work: Awaitable[T], control: Control) -> T:
    """Return what `work` gives; what it waits for is given up once a stop is asked for.

    Raises:
        StopAskedError: a stop was asked for first.
    """
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            if control.stopping:
                raise StopAskedError
            await asyncio.wait({task}, timeout=_POLL_SECONDS)
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def each_or_stop(stream: AsyncGenerator[T, None], control: Control) -> AsyncGenerator[T, None]:
    """Yield from `stream`, which is closed once a stop is asked for.

    Raises:
        StopAskedError: a stop was asked for before the end.
    """
    end = object()
    async with aclosing(stream):
        while (item := await or_stop(anext(stream, end), control)) is not end:
            yield cast(T, item)
