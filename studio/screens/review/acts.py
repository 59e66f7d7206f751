"""What keys asked for, done one after the other: pressed faster than the disk, all are obeyed, in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Act = Callable[[], Coroutine[Any, Any, None]]


class Acts:
    """A queue of acts. One that fails is told to `on_error` with what it was doing; the next one goes on."""

    def __init__(self, on_error: Callable[[Exception, str], None]) -> None:
        self._queue: asyncio.Queue[tuple[str, Act]] = asyncio.Queue()
        self._on_error = on_error

    def put(self, doing: str, act: Act) -> None:
        """Ask for an act; returns at once."""
        self._queue.put_nowait((doing, act))

    async def run(self) -> None:
        """Do the acts until cancelled."""
        while True:
            doing, act = await self._queue.get()
            try:
                await act()
            except Exception as error:
                self._on_error(error, doing)
            finally:
                self._queue.task_done()

    async def done(self) -> None:
        """Wait until all that was asked for is done."""
        await self._queue.join()
