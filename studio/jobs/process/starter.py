"""Starting job processes from here: at once, or when the queue lets them; and knowing how those ended."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
from contextlib import suppress

from studio.jobs.events import Failed, Finished, JobError
from studio.jobs.process.eventlog import EventLog
from studio.jobs.process.folder import JobFolder
from studio.jobs.process.launch import DidNotStartError, launch, wait_until_started
from studio.jobs.process.lock import EXIT_REFUSED, Lock, LockHeldError, holder
from studio.jobs.process.queue import enqueue, must_wait, queue, starting, waits_for
from studio.workspace import Workspace

_log = logging.getLogger(__name__)


class Starter:
    """The part of the job manager that has processes as children."""

    def __init__(self, workspace: Workspace) -> None:
        """Start nothing yet."""
        self._workspace = workspace
        self._children: dict[JobFolder, subprocess.Popen[bytes]] = {}
        self._starting: set[JobFolder] = set()

    def is_starting(self, folder: JobFolder) -> bool:
        """Say whether its process was started here and has not taken up the job yet."""
        return folder in self._starting

    def cause(self, folder: JobFolder) -> str | None:
        """Return why the job's process ended, such as `killed by SIGKILL`; None where that is not known."""
        child = self._children.get(folder)
        code = child.poll() if child is not None else None
        if code is None:
            return None
        if code >= 0:
            return f"exit code {code}"
        with suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
        return f"killed by signal {-code}"

    async def start_queued(self) -> None:
        """Start the waiting jobs that may start now; what goes wrong is in their events."""
        for child in self._children.values():
            child.poll()  # Those that have ended must not stay as zombies.
        for folder, _ in await asyncio.to_thread(queue, self._workspace):
            try:
                await self.start_if_free(folder)
            except JobError as error:
                _log.warning("%s: %s", folder.path.name, error)

    async def start_if_free(self, folder: JobFolder) -> None:
        """Start a waiting job, or leave it in the queue and note for what it waits.

        Raises:
            JobError: its process does not start.
        """
        if folder in self._starting or holder(folder.lock) is not None:
            return
        header = await asyncio.to_thread(folder.header)
        if not header.heavy:
            await self.launch(folder)
            return
        with starting(self._workspace) as mine:
            why: str | None = "another job is just being started"
            if mine:
                why = await asyncio.to_thread(must_wait, self._workspace, folder, header)
            if why is None:
                await self.launch(folder)
            elif folder.queued.exists() and why != waits_for(folder):
                enqueue(folder, why)

    async def launch(self, folder: JobFolder) -> None:
        """Start the process of a waiting job and return when it has taken it up, here or elsewhere.

        Raises:
            JobError: it does not start; the job's events say so, too.
        """
        if folder in self._starting:
            return
        self._starting.add(folder)
        try:
            child = self._children[folder] = launch(folder)
            await wait_until_started(folder, child)
        except DidNotStartError as error:
            if error.exit_code != EXIT_REFUSED:
                raise self._did_not_start(folder, str(error)) from error
        except OSError as error:
            raise self._did_not_start(folder, str(error)) from error
        finally:
            self._starting.discard(folder)

    def end(self, folder: JobFolder, event: Finished | Failed) -> None:
        """End a job that has no process, and take it out of the queue; one that has just got one is left alone."""
        with suppress(LockHeldError), Lock(folder.lock):
            log = EventLog(folder.events)
            try:
                log.append(event)
            finally:
                log.close()
            folder.queued.unlink(missing_ok=True)

    def _did_not_start(self, folder: JobFolder, why: str) -> JobError:
        error = JobError(
            f"the job's process did not start: {why}",
            kept="the order; nothing was done",
            to_do="The log has the details. Resume the job when the cause is gone.",
        )
        self.end(folder, error.event(self._workspace.relative(folder.log)))
        return error
