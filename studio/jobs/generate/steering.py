"""What a person changes of a generation job while it runs, or before it goes on: a small file in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.jobs.process.files import write_atomically

STEERING_FILE = "steering.json"
ALL = "*"


class Steering(BaseModel):
    """Wishes that hold until they are changed; None leaves what was ordered."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    concurrency: int | None = Field(default=None, ge=1, le=256)
    """Requests at a time, at most."""
    recipes: tuple[str, ...] = ()
    """These come first, in this order."""
    budget_usd: float | None = Field(default=None, gt=0)
    """A new cap."""
    again: tuple[str, ...] = ()
    """Slots, as `recipe/slot`, that come first from now on, also where they were given up; `*` is all given up."""
    again_number: int = 0
    """Grows with each wish, so that the same slot may be wished for twice."""
    cancel: bool = False
    """Batches that the server has shall be cancelled, and nothing new is sent."""


def read_steering(folder: Path) -> Steering:
    """Return what stands in a job's folder; a damaged file counts as none."""
    try:
        return Steering.model_validate_json((folder / STEERING_FILE).read_bytes())
    except (OSError, ValidationError):
        return Steering()


def steer(folder: Path, **changes: Any) -> Steering:
    """Change some wishes and return all.

    Raises:
        ValidationError: a value cannot be; nothing is changed.
        OSError: the file cannot be written.
    """
    old = read_steering(folder)
    if "again" in changes:
        changes["again_number"] = old.again_number + 1
    new = Steering.model_validate(old.model_dump() | changes)
    write_atomically(folder / STEERING_FILE, new.model_dump_json().encode())
    return new


class Wheel:
    """The job's side: cheap enough to look at ten times a second (one `stat`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[int, int] | None = None
        self.now = Steering()

    def turned(self) -> bool:
        """Look again; say whether anything is another than the last time."""
        try:
            stat = (self._folder / STEERING_FILE).stat()
        except OSError:
            return False
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen == self._seen:
            return False
        self._seen = seen
        self.now = read_steering(self._folder)
        return True
