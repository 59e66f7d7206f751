"""Waiting for the next piece of a stream, for a stop, or for too long, whichever comes first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")

_GATHER_SECONDS = 0.05
"""How long pieces are left to gather before the stream is read again: twenty pictures a second look smooth."""
_WAITED_SECONDS = 0.002
"""A piece that took longer was waited for; others were there already."""


class StopAskedError(Exception):
    """The person has heard enough."""


class SilenceError(Exception):
    """Nothing came for too long."""


class Pump(Generic[T]):
    """Reads a stream by one task, in gulps: at 200 pieces a second nobody sees each of them.

    Use it as a context manager: at its end the stream is closed.
    """

    def __init__(self, stream: AsyncGenerator[T, None], stop: asyncio.Event) -> None:
        self._stream, self._stop = stream, stop
        self._news = asyncio.Event()
        self._pieces: list[T] = []
        self._ended = False
        self._error: BaseException | None = None

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.ensure_future(self._read()), asyncio.ensure_future(self._watch())]
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._stream.aclose()

    async def take(self, seconds: float) -> list[T]:
        """Return all pieces that have come, at least one; none is the end of the stream.

        Raises:
            StopAskedError: `stop` was set first.
            SilenceError: nothing came within `seconds`.
            Exception: what reading the stream raised.
        """
        if not await self.soon(seconds):
            raise SilenceError
        if self._stop.is_set():
            raise StopAskedError
        pieces, self._pieces = self._pieces, []
        if not pieces and self._error is not None:
            raise self._error
        return pieces

    async def soon(self, seconds: float) -> bool:
        """Say whether anything comes within a time."""
        try:
            async with asyncio.timeout(seconds):
                while not (self._pieces or self._ended or self._stop.is_set()):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _read(self) -> None:
        try:
            asked_at = time.monotonic()
            async for piece in self._stream:
                self._pieces.append(piece)
                self._news.set()
                if time.monotonic() - asked_at > _WAITED_SECONDS:
                    # All that had come is read. The loop is woken once for the next ones, and not for each.
                    await asyncio.sleep(_GATHER_SECONDS)
                asked_at = time.monotonic()
        except Exception as error:  # it is raised where the pieces are taken
            self._error = error
        finally:
            self._ended = True
            self._news.set()

    async def _watch(self) -> None:
        await self._stop.wait()
        self._news.set()


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
