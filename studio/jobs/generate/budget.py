"""The money of a generation job: what each attempt may cost is on the disk before it is sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
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
        answered: Iterable[str] = (),
        pending: Collection[str] = (),
        before_usd: float = 0.0,
    ) -> None:
        """Read what earlier processes of the job have sent.

        Args:
            folder: the job's.
            limit_usd: None for no limit.
            spent: asked for the sum of what is known to be paid.
            answered: the unit of each answer that is in the job's events, and with it what it cost.
            pending: units whose last attempt is in a batch that a server still has: they are in flight.
            before_usd: what was spent on it before the job, by previews.
        """
        self._file = RowFile(folder / ATTEMPTS_FILE)
        self.limit_usd = limit_usd
        """May be changed while the job runs."""
        self._spent = spent
        self.before_usd = before_usd
        """What was spent before the job; it counts, too."""
        begun = _unaccounted(self._file, answered)
        self._in_flight = {unit: sent.pop() for unit in pending if (sent := begun.get(unit))}
        lost = [usd for sent in begun.values() for usd in sent]
        self.lost = len(lost)
        """Attempts whose reply never arrived though it may have been billed."""
        self.lost_usd = sum(lost)
        """Their worst case."""
        # Nobody looks at the rows again, and they grow with the job.
        self._file.rows.clear()

    def begin(self, unit_id: str, usd: float) -> None:
        """Set aside an attempt's worst case before it is sent; a unit has one attempt at a time.

        Raises:
            UnaffordableError: it could pass the limit; nothing was set aside.
            OSError: it could not be written down, so it must not be sent.
        """
        self.begin_all({unit_id: usd})

    def begin_all(self, worst: Mapping[str, float]) -> None:
        """Set aside the worst cases of attempts that are sent together; raises as `begin`, for all or none."""
        usd = sum(worst.values())
        if not self.affords(usd):
            raise UnaffordableError(usd)
        self._file.append([{"unit": unit, "usd": each} for unit, each in worst.items()])
        self._in_flight.update(worst)

    def affords(self, usd: float) -> bool:
        """Say whether an attempt of this worst case keeps within the limit, whatever is in flight."""
        return self.limit_usd is None or self.committed_usd + usd <= self.limit_usd

    @property
    def room_usd(self) -> float | None:
        """What may still be set aside; None where there is no limit."""
        return None if self.limit_usd is None else max(0.0, self.limit_usd - self.committed_usd)

    @property
    def committed_usd(self) -> float:
        """What the job and its previews have cost at most, all that is in flight included."""
        return self.before_usd + self._spent() + self.lost_usd + sum(self._in_flight.values())

    def free(self, *unit_ids: str) -> None:
        """Give back attempts that the server has not billed."""
        for unit_id in unit_ids:
            self._in_flight.pop(unit_id, None)
        # After a power cut it may count as lost, which is on the safe side.
        self._file.append([{"unit": unit_id, "free": True} for unit_id in unit_ids], durable=False)

    def lose(self, unit_id: str) -> None:
        """Note that an attempt's reply will not arrive, but may have been billed."""
        self.lost_usd += self._in_flight.pop(unit_id)
        self.lost += 1

    def settle(self, unit_id: str) -> None:
        """Note that an attempt's real cost is in the events."""
        self._in_flight.pop(unit_id, None)


def _unaccounted(file: RowFile, answered: Iterable[str]) -> dict[str, list[float]]:
    """Return the worst cases of attempts, by unit, that were neither given back nor answered; the last one last."""
    begun: defaultdict[str, list[float]] = defaultdict(list)
    for row in file.rows:
        sent = begun[str(row.get("unit"))]
        if row.get("free"):
            if sent:
                sent.pop()
        else:
            sent.append(float(row.get("usd", 0.0)))
    for unit_id, answers in Counter(answered).items():
        # A unit is answered by its last attempt, and not asked again after that.
        del begun[unit_id][max(0, len(begun[unit_id]) - answers) :]
    return begun
