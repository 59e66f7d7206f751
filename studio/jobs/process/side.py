"""A second process beside a job's own, for work that would leave a core idle: MLX uses one thread for most of it.

Requests and answers go through a pipe, so that the other process ends with the job, whatever ends the job.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Generic, ParamSpec, TypeVar

from studio.jobs.events import JobError

P = ParamSpec("P")
Q = TypeVar("Q")
A = TypeVar("A")

_STOP_SECONDS = 5.0


def share_cores(processes: int) -> None:
    """Give each process its share of the cores; has to come before MLX and its BLAS are loaded."""
    from studio.lm.blas import usable_cores

    each = str(max(1, usable_cores() // processes))
    for name in ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = each


class SideProcess(Generic[Q, A]):
    """One process that answers requests, one at a time."""

    def __init__(self, make: Callable[P, Callable[[Q], A]], *args: P.args, **kwargs: P.kwargs) -> None:
        """Start it; it prepares itself while the job goes on.

        Args:
            make: a function of a module; called over there with the other arguments, it returns what answers.
            args: have to be picklable, as requests and answers have.
            kwargs: likewise.
        """
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(
            target=_serve, args=(theirs, make, args, kwargs), name="side", daemon=True
        )
        self._process.start()
        theirs.close()

    def ask(self, request: Q) -> None:
        """Send a request; `answer` has to be called before the next one.

        Raises:
            JobError: the process is gone.
        """
        try:
            self._connection.send(request)
        except OSError as error:
            raise self._gone() from error

    def answer(self) -> A:
        """Wait for the answer to the last request.

        Raises:
            JobError: the process is gone; its own error is in the job's log.
        """
        try:
            found: A = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error
        return found

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(_STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _gone(self) -> JobError:
        self._process.join(_STOP_SECONDS)
        return JobError(
            f"The job's second process ended with {self._process.exitcode}.",
            kept="What was saved before is kept; resuming goes on from there.",
            to_do="Resume the job. Where it was short of memory, set `processes` to 1.",
        )


def _serve(
    connection: Connection,
    make: Callable[..., Callable[[Q], A]],
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> None:
    """Answer until the job closes the connection, or is no more."""
    respond = make(*args, **kwargs)
    while True:
        try:
            request: Q = connection.recv()
        except (EOFError, OSError):
            return
        connection.send(respond(request))
