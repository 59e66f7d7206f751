"""What new examples must not repeat, learnt beside the first requests: it takes a while, and nobody has to wait."""

from __future__ import annotations

import asyncio
import threading
from itertools import chain
from pathlib import Path

from studio.jobs.generate.ledger import Ledger
from studio.jobs.generate.novelty import load_known
from studio.jobs.generate.pricing import Prices
from studio.jobs.signals.language import language_of


class Learning:
    """Teaches a ledger what the workspace has and what its job has made; no example is entered before `done`."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        """`folder` is the job's."""
        self._ledger = ledger
        self._folder = folder
        self._given_up = threading.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        """True once all is learnt."""
        return self._task is not None and self._task.done()

    def begin(self) -> None:
        """Begin, in a thread; up to a millisecond an example."""
        if self._task is None:
            self._task = asyncio.create_task(asyncio.to_thread(self._learn))

    async def done(self) -> None:
        """Wait until all is learnt.

        Raises:
            ValueError: the file of what is known is damaged.
        """
        self.begin()
        if self._task is not None:
            await asyncio.shield(self._task)

    async def close(self) -> None:
        """Give up what is not learnt yet."""
        self._given_up.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def _learn(self) -> None:
        # What the first examples need is loaded here, too: it takes seconds, in which replies would pile up.
        language_of("The models of both languages are read with the first turn.")
        Prices().known("claude-sonnet-5-5")
        for one in chain(load_known(self._folder), self._ledger.own):
            if self._given_up.is_set():
                return
            self._ledger.novelty.add_known(one)
        self._ledger.own.clear()
