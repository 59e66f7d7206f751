"""The money of a generation job: what each attempt may cost is on the disk before it is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from pathlib import Path

from studio.jobs.rows import RowFile

ATTEMPTS_FILE = "attempts.jsonl"


class UnaffordableError(Exception):
    """The next attempt could pass the budget; `usd` is its worst case."""

    def __init__(self, usd: float) -> None:
        super().__init__(f"${usd:.4f}")
        self.usd = usd


class Budget:
    """Counts what is spent, what is in flight and what was lost on the way, the last two at their worst case.

    An attempt is lost when its reply did not arrive although the server may have written, and billed, it: the
    body was cut, the time ran out, or the job was killed. It counts until the end of the job, so that no fault,
    retry or kill passes the limit.
    """

    def __init__(
        self,
        folder: Path,
        limit_usd: float | None,
        *,
        spent: Callable[[], float],
        answered: Collection[str] = (),
    ) -> None:
        """Read what earlier processes of the job have sent.

        Args:
            folder: the job's.
            limit_usd: None for no limit.
            spent: asked for the sum of what is known to be paid.
            answered: units whose answer is in the job's events, and with it what it cost.
        """
        self._file = RowFile(folder / ATTEMPTS_FILE)
        self._limit = limit_usd
        self._spent = spent
        self._in_flight: dict[str, float] = {}
        lost = _unaccounted(self._file, answered)
        self.lost = len(lost)
        """Attempts whose reply never arrived though it may have been billed."""
        self.lost_usd = sum(lost)
        """Their worst case."""

    def begin(self, unit_id: str, usd: float) -> None:
        """Set aside an attempt's worst case before it is sent; a unit has one attempt at a time.

        Raises:
            UnaffordableError: it could pass the limit; nothing was set aside.
            OSError: it could not be written down, so it must not be sent.
        """
        if not self.affords(usd):
            raise UnaffordableError(usd)
        self._in_flight[unit_id] = usd
        self._file.append([{"unit": unit_id, "usd": usd}])

    def affords(self, usd: float) -> bool:
        """Say whether an attempt of this worst case keeps within the limit, whatever is in flight."""
        return self._limit is None or self.committed_usd + usd <= self._limit

    @property
    def committed_usd(self) -> float:
        """What the job has cost at most, all that is in flight included."""
        return self._spent() + self.lost_usd + sum(self._in_flight.values())

    def free(self, unit_id: str) -> None:
        """Give back an attempt that the server has not billed."""
        del self._in_flight[unit_id]
        # After a power cut it may count as lost, which is on the safe side.
        self._file.append([{"unit": unit_id, "free": True}], durable=False)

    def lose(self, unit_id: str) -> None:
        """Note that an attempt's reply will not arrive, but may have been billed."""
        self.lost_usd += self._in_flight.pop(unit_id)
        self.lost += 1

    def settle(self, unit_id: str) -> None:
        """Note that an attempt's real cost is in the events."""
        self._in_flight.pop(unit_id, None)


def _unaccounted(file: RowFile, answered: Collection[str]) -> list[float]:
    begun: defaultdict[str, list[float]] = defaultdict(list)
    for row in file.rows:
        sent = begun[str(row.get("unit"))]
        if row.get("free"):
            if sent:
                sent.pop()
        else:
            sent.append(float(row.get("usd", 0.0)))
    for unit_id in answered:
        # An answered unit is never asked again, so its last attempt is the one that was answered.
        if begun[unit_id]:
            begun[unit_id].pop()
    return [usd for sent in begun.values() for usd in sent]
