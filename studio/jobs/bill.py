"""The money of work that has no job process, noted where all that was spent is summed up."""

from __future__ import annotations

from dataclasses import dataclass, field

from store.database import Store
from store.models import JobRecord, new_id


@dataclass
class Bill:
    """Where the money of one act is noted, so that all that was spent is summed up in one place."""

    kind: str
    title: str
    id: str = field(default_factory=new_id)

    def note(self, database: Store, usd: float) -> None:
        """Write what it has cost so far; called in a transaction."""
        if usd:
            record = JobRecord(
                id=self.id, kind=self.kind, folder="", title=self.title, state="done", spent_usd=usd
            )
            database.jobs.put(record)
