"""Watching a long job from the command line until it ends, or until Ctrl-C."""

from __future__ import annotations

import asyncio
import shlex
import signal
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Literal

from store.models import JobRecord
from studio.commands.failure import DONE, FAILED, INTERRUPTED
from studio.commands.render import Renderer
from studio.commands.session import Session
from studio.jobs.events import Event, Failed, Finished, JobError
from studio.workspace import Workspace

Stop = Literal["stop", "stop_and_save"]
"""What Ctrl-C asks of a job: end soon, or save where it is first."""


class Watch:
    """Shows a job's events. The first Ctrl-C asks it to stop, the second leaves it to do so alone."""

    def __init__(self, session: Session, record: JobRecord, after: int, show: Renderer, stop: Stop) -> None:
        self._session = session
        self._record = record
        self._after = after
        self._show = show
        self._stop: Stop = stop
        self._interrupts = 0
        self._last: Event | None = None
        self._follower: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Follow to the end and return the exit code."""
        if self._record.state == "queued":
            why = self._record.error or "until there is room for it"
            self._show.note(f"It waits: {why}. Ctrl-C takes it out of the queue.")
        self._follower = asyncio.create_task(self._follow())
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        try:
            await self._follower
        except asyncio.CancelledError:
            if self._interrupts < 2:
                raise
            self._show.note(f"The job stops by itself. Go on later with: {self._again}")
            return INTERRUPTED
        finally:
            loop.remove_signal_handler(signal.SIGINT)
        return self._ended()

    async def _follow(self) -> None:
        async with aclosing(self._session.manager.follow(self._record.id, after=self._after)) as stream:
            async for recorded in stream:
                self._last = recorded.event
                self._show.show(recorded.event, n=recorded.n, at=recorded.at)

    def _interrupted(self) -> None:
        self._interrupts += 1
        if self._interrupts > 1:
            if self._follower is not None:
                self._follower.cancel()
            return
        # It may have ended in this very moment; then there is nothing to stop.
        with suppress(JobError):
            self._session.manager.request(self._record.id, self._stop)
        self._show.note("Stopping at the next safe place … Ctrl-C again leaves it alone with that.")

    def _ended(self) -> int:
        match self._last:
            case Finished(state="stopped"):
                self._show.note(f"Go on with: {self._again}")
                return INTERRUPTED if self._interrupts else DONE
            case Finished():
                return DONE
            case Failed():
                self._show.note(f"Go on with: {self._again}")
                return FAILED
            case _:
                # Killed, or the machine went down: it had no time to say anything.
                log = f"{self._record.folder}/log.txt"
                self._show.note(
                    f"The job's process ended without a word; its log is {log}. Go on with: {self._again}"
                )
                return INTERRUPTED if self._interrupts else FAILED

    @property
    def _again(self) -> str:
        return again(self._record, self._session.workspace)


def again(record: JobRecord, workspace: Workspace) -> str:
    """Return the command that goes on with a job, as one would type it in this folder."""
    elsewhere = "" if Path.cwd() == workspace.root else f" -w {shlex.quote(str(workspace.root))}"
    return f"jessy-studio {record.kind} --resume {record.id}{elsewhere}"
