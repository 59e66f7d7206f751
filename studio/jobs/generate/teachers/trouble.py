"""When a server is in trouble: a single request that fails is given up, one that nobody can reach is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from studio.jobs.events import JobError
from studio.jobs.generate.teachers.faults import AttemptError


@dataclass
class Health:
    """How long ago the server answered last, whoever asked it."""

    patience_seconds: float
    known: bool
    """True where it has answered at some time: a wrong address is not waited for."""
    clock: Callable[[], float] = time.monotonic
    _ill_since: float | None = None
    _lost_in_a_row: int = 0

    def well(self) -> str:
        """Note an answer; return what to say where there was none for long."""
        away = 0.0 if self._ill_since is None else self.clock() - self._ill_since
        said = f"the server answers again after {away:.0f} s" if self._waiting_long(away) else ""
        self._ill_since = None
        self._lost_in_a_row = 0
        self.known = True
        return said

    def ill(self, fault: AttemptError) -> None:
        """Note an attempt without an answer."""
        if self._ill_since is None:
            self._ill_since = self.clock()
        self._lost_in_a_row = self._lost_in_a_row + 1 if fault.may_be_billed else 0

    def waits(self, fault: AttemptError, *, since: float) -> bool:
        """Say whether an attempt is made again for as long as it takes: nobody has had an answer since it began.

        An attempt that may have been billed is not: a proxy that cuts every reply would be paid for without end.

        Args:
            fault: of the last attempt.
            since: when the first attempt of the unit failed.
        """
        outage = self._ill_since is not None and self._ill_since <= since
        return self.known and outage and not fault.may_be_billed

    def over(self) -> bool:
        """Say whether patience is at its end."""
        return self._ill_since is not None and self.clock() - self._ill_since > self.patience_seconds

    def all_lost(self, tries: int) -> bool:
        """Say whether so many attempts in a row brought nothing although they may have been billed."""
        return self._lost_in_a_row >= 3 * tries

    def error(self, fault: AttemptError, attempts: int) -> JobError:
        """Return the error that ends the job."""
        away = 0.0 if self._ill_since is None else self.clock() - self._ill_since
        how = f"in {attempts} attempts" if not self.known or attempts <= 6 else f"for {away / 60:.0f} minutes"
        return JobError(
            f"The teacher did not answer {how}: {fault}.",
            kept="All examples so far are stored, and no answer that arrived is paid for twice.",
            to_do="Check the network or the server, then resume the job.",
        )

    def _waiting_long(self, seconds: float) -> bool:
        return seconds >= 5
