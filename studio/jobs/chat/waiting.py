"""Waiting for the next piece of a stream, a stop, or too long a silence, whichever comes first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from typing import Any, TypeVar

T = TypeVar("T")


class StopAskedError(Exception):
    """The person has heard enough."""


class SilenceError(Exception):
    """Nothing came for too long."""


async def next_piece(stream: AsyncGenerator[T, None], stop: asyncio.Event, seconds: float) -> T | None:
    """Return the next piece, or None at the end of the stream.

    Raises:
        StopAskedError: `stop` was set first.
        SilenceError: nothing came within `seconds`.
    """
    return await or_stop(anext(stream, None), stop, seconds)


async def or_stop(work: Awaitable[T], stop: asyncio.Event, seconds: float | None = None) -> T:
    """Return what `work` gives; it is cancelled, and has ended, when this raises.

    Raises:
        StopAskedError: `stop` was set first.
        SilenceError: it took longer than `seconds`.
    """
    task: asyncio.Future[T] = asyncio.ensure_future(work)
    halted: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, halted}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise StopAskedError if stop.is_set() else SilenceError
    finally:
        halted.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
