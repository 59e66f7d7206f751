"""Starting a job process that outlives whoever starts it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

from studio.jobs.process.files import open_private
from studio.jobs.process.folder import JobFolder
from studio.jobs.process.lock import EXIT_REFUSED, holder

_POLL_SECONDS = 0.02
_START_SECONDS = 60.0


class DidNotStartError(Exception):
    """The process ended before it took up its job; `exit_code` as of `subprocess` (negative: a signal)."""

    def __init__(self, folder: JobFolder, exit_code: int | None) -> None:
        super().__init__(f"the process of {folder.path.name} did not start (exit code {exit_code})")
        self.exit_code = exit_code


def launch(folder: JobFolder) -> subprocess.Popen[bytes]:
    """Start the runner of `folder` in a session of its own and return at once.

    The terminal's signals do not reach it; its output goes to `log.txt`; it gets this process's environment.

    Raises:
        OSError: no process can be started, or the log cannot be written.
    """
    if holder(folder.lock) is None:
        # An old `stop` must not end the new run; from here on every command is meant for it.
        folder.control.unlink(missing_ok=True)
    log = open_private(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        return subprocess.Popen(
            # -P: a file in the current folder must not take the place of a module.
            [sys.executable, "-P", "-m", "studio.jobs.process.runner", str(folder.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder.workspace.root,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    finally:
        os.close(log)


async def wait_until_started(folder: JobFolder, process: subprocess.Popen[bytes]) -> None:
    """Return when the process has taken the job's lock, or has already ended the job.

    Raises:
        DidNotStartError: it ended with a failure before that, or took longer than a minute.
    """
    deadline = time.monotonic() + _START_SECONDS
    while True:
        holding = holder(folder.lock)
        if holding is not None and holding.pid == process.pid:
            return
        exit_code = process.poll()
        if exit_code is not None:
            if folder.queued.exists() or exit_code == EXIT_REFUSED:
                raise DidNotStartError(folder, exit_code)
            return
        if time.monotonic() > deadline:
            raise DidNotStartError(folder, None)
        await asyncio.sleep(_POLL_SECONDS)
