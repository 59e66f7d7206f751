"""What the review remembers of itself: the last filter, filters with a name, and a sample that is being looked at."""

from __future__ import annotations

import logging

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.jobs.process.files import write_atomically
from studio.jobs.review.filters import Filter
from studio.jobs.review.sample import Sample
from studio.workspace import Workspace

_log = logging.getLogger(__name__)
_FILE = "review.json"


class Kept(BaseModel):
    """All of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    last: Filter = Filter(status="pending")
    named: dict[str, Filter] = Field(default_factory=dict)
    sample: Sample | None = None


def read_kept(workspace: Workspace) -> Kept:
    """Return what was kept; the defaults where nothing was, or where the file is damaged."""
    file = workspace.jobs / _FILE
    try:
        return Kept.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return Kept()
    except (OSError, ValidationError) as error:
        _log.warning("%s is passed over: %s", _FILE, error)
        return Kept()


def write_kept(workspace: Workspace, kept: Kept) -> None:
    """Write it down, for its owner only. Raises OSError."""
    workspace.jobs.mkdir(parents=True, exist_ok=True)
    write_atomically(workspace.jobs / _FILE, kept.model_dump_json(indent=1).encode())
