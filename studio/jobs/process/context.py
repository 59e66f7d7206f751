"""What a job process gives to the job's `run`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from studio.jobs.events import Recorded
from studio.jobs.process.control import Control
from studio.jobs.process.folder import JobFolder
from studio.jobs.process.tail import EventTail
from studio.workspace import Workspace


@dataclass(frozen=True)
class JobContext:
    """The job's place, its past and what is wanted of it."""

    workspace: Workspace
    id: str
    folder: Path
    """The job's own folder: inputs that `prepare` wrote are in it, outputs may go there."""
    control: Control
    resumed: bool = False
    """True when the job has run before."""
    last_n: int = 0
    """Number of the last event of the earlier runs."""

    def previous(self) -> Iterator[Recorded]:
        """Yield the events of the earlier runs from the first on; unreadable lines are left out."""
        tail = EventTail(JobFolder(self.folder).events)
        while batch := tail.read():
            for item in batch:
                if isinstance(item, Recorded):
                    if item.n > self.last_n:
                        return
                    yield item
