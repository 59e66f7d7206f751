"""Waiting for the next piece of a stream, for a stop, or for too long, whichever comes first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")

_GATHER_SECONDS = 0.05
"""How long pieces after the first are gathered: twenty pictures a second look smooth."""


class StopAskedError(Exception):
    """The person has heard enough."""


class SilenceError(Exception):
    """Nothing came for too long."""


class Pump(Generic[T]):
    """Reads a stream into a queue by one task, so that a piece costs no task of its own.

    Use it as a context manager: at its end the stream is closed.
    """

    def __init__(self, stream: AsyncGenerator[T, None], stop: asyncio.Event) -> None:
        self._stream, self._stop = stream, stop
        self._news = asyncio.Event()
        self._pieces: deque[T] = deque()
        self._ended = False
        self._begun = False
        """True after the first piece, which goes on at once."""
        self._error: BaseException | None = None

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.ensure_future(self._read()), asyncio.ensure_future(self._watch())]
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._stream.aclose()

    async def next(self, seconds: float) -> T | None:
        """Return the next piece, or None at the end of the stream.

        Raises:
            StopAskedError: `stop` was set first.
            SilenceError: nothing came within `seconds`.
            Exception: what reading the stream raised.
        """
        if not self._pieces and not self._ended and not self._stop.is_set():
            self._news.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            except TimeoutError:
                raise SilenceError from None
            if self._begun and not self._ended:
                # At 200 a second nobody sees each of them: the loop is woken once for several.
                await asyncio.sleep(_GATHER_SECONDS)
            self._begun = True
        if self._stop.is_set():
            raise StopAskedError
        if self._pieces:
            return self._pieces.popleft()
        if self._error is not None:
            raise self._error
        return None

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
            async for piece in self._stream:
                self._pieces.append(piece)
                self._news.set()
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
