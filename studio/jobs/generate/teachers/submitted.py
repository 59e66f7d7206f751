"""The batches that a job has submitted, on the disk, so that one may leave and collect them another day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from studio.jobs.rows import RowFile

BATCHES_FILE = "batches.jsonl"


@dataclass(frozen=True)
class Submitted:
    """A batch as this job knows it."""

    key: str
    """Ours, from before it was sent."""
    units: tuple[str, ...]
    began: datetime
    id: str | None = None
    """The server's; None where a kill came between sending it and hearing its id."""
    over: bool = False


def read_batches(folder: Path) -> list[Submitted]:
    """Return the batches of a job, in the order in which they were sent."""
    file = folder / BATCHES_FILE
    return _fold(RowFile(file)) if file.exists() else []


def pending_units(folder: Path) -> set[str]:
    """Return the units that are in batches which a server still has, or may have."""
    return {unit for batch in read_batches(folder) if not batch.over for unit in batch.units}


def _fold(file: RowFile) -> list[Submitted]:
    found: dict[str, Submitted] = {}
    for row in file.rows:
        key = str(row.get("key"))
        if "units" in row:
            units = tuple(str(unit) for unit in row["units"])
            found[key] = Submitted(key, units, datetime.fromisoformat(str(row["began"])))
        elif key in found:
            changes: dict[str, Any] = {name: row[name] for name in ("id", "over") if name in row}
            found[key] = replace(found[key], **changes)
    return list(found.values())


class Submissions:
    """The job's own book of its batches."""

    def __init__(self, folder: Path) -> None:
        """Read what earlier processes of the job have submitted."""
        self._file = RowFile(folder / BATCHES_FILE)
        batches = _fold(self._file)
        self._count = len(batches)
        self.ids = {batch.id for batch in batches if batch.id}
        """All that the server has given to batches of this job."""
        self.open = {batch.key: batch for batch in batches if not batch.over}
        """Those that are not collected yet, by their key."""

    def add(self, units: tuple[str, ...]) -> Submitted:
        """Note, before it is sent, that a batch of these units may be with the server from now on.

        Raises:
            OSError: it could not be written down, so it must not be sent.
        """
        self._count += 1
        made = Submitted(f"b{self._count}", units, datetime.now(UTC))
        self._file.append([{"key": made.key, "units": made.units, "began": made.began.isoformat()}])
        self.open[made.key] = made
        return made

    def name(self, batch: Submitted, batch_id: str) -> None:
        """Note the id that the server has given it."""
        self._file.append([{"key": batch.key, "id": batch_id}])
        self.ids.add(batch_id)
        self.open[batch.key] = replace(batch, id=batch_id)

    def forget_name(self, batch: Submitted) -> None:
        """Take back an id that turned out to be of somebody else's batch."""
        self.open[batch.key] = replace(batch, id=None)

    def close(self, batch: Submitted) -> None:
        """Note that there is nothing more to collect of it."""
        self._file.append([{"key": batch.key, "over": True}])
        self.open.pop(batch.key, None)
