"""The folder of a job: what was asked (`job.toml`) and where everything else lies."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from store.models import now
from studio.jobs.events import JobError
from studio.jobs.process.files import PRIVATE_FOLDER, sync_folder, write_atomically
from studio.workspace import Workspace

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def checked_name(name: str) -> str:
    """Return `name` when it is safe as a folder's name: letters, digits, `.`, `_`, `-`; 64 at most.

    Raises:
        JobError: it is not, such as `../x`, `a b` or an empty one.
    """
    if not _SAFE_NAME.fullmatch(name) or name.endswith("."):
        raise JobError(
            f"{name[:80]!r} cannot name a folder",
            kept="nothing was changed",
            to_do="Use letters, digits, '.', '_' and '-', beginning with a letter or a digit (64 at most).",
        )
    return name


class JobHeader(BaseModel):
    """What `job.toml` says: written once, before the process starts."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    kind: str
    title: str
    created_at: datetime = Field(default_factory=now)
    heavy: bool = False
    """It loads a model: one such job at a time."""
    need_bytes: int | None = None
    """Estimated memory, None where the kind gives no estimate."""
    spec: dict[str, Any] = Field(default_factory=dict)
    """What was asked, in the JSON form of the kind's `Spec`, without what is None."""


@dataclass(frozen=True)
class JobFolder:
    """The places inside a job's folder; the folder need not exist."""

    path: Path

    @property
    def job_toml(self) -> Path:
        """What was asked; a folder without it is no job."""
        return self.path / "job.toml"

    @property
    def events(self) -> Path:
        """All that the job has said, one JSON object a line."""
        return self.path / "events.jsonl"

    @property
    def control(self) -> Path:
        """The last command to the running job."""
        return self.path / "control"

    @property
    def lock(self) -> Path:
        """Who runs the job: pid and start time; empty when nobody does."""
        return self.path / "lock"

    @property
    def log(self) -> Path:
        """Standard output, standard error and tracebacks of the process."""
        return self.path / "log.txt"

    @property
    def queued(self) -> Path:
        """There as long as the job waits to be started; its text says for what."""
        return self.path / "queued"

    @property
    def workspace(self) -> Workspace:
        """The workspace that the folder lies in, known by its place (so that it may be moved)."""
        parent = self.path.resolve().parent
        return Workspace(parent.parent if parent.name == "checkpoints" else parent.parent.parent)

    def is_job(self) -> bool:
        """Say whether a job was ordered here."""
        return self.job_toml.is_file()

    def make(self) -> None:
        """Make the folder, readable by its owner only.

        Raises:
            JobError: there is one already.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.path.mkdir(mode=PRIVATE_FOLDER)
        except FileExistsError as error:
            raise JobError(
                f"there is a folder {self.path.name} already",
                kept="it was left as it is",
                to_do="Choose another name, or resume what is in it.",
            ) from error
        sync_folder(self.path.parent)

    def write_header(self, header: JobHeader) -> None:
        """Write `job.toml`; from then on the folder is a job.

        Raises:
            OSError: it could not be written.
        """
        import tomlkit

        document = tomlkit.document()
        for key, value in header.model_dump(exclude_none=True).items():
            document[key] = value
        write_atomically(self.job_toml, tomlkit.dumps(document).encode())

    def header(self) -> JobHeader:
        """Read `job.toml`.

        Raises:
            JobError: it is missing or damaged.
        """
        try:
            return JobHeader.model_validate(tomllib.loads(self.job_toml.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            raise JobError(
                f"{self.job_toml} cannot be read: {reason}",
                kept="the folder was left as it is",
                to_do="Put job.toml back from a backup, or move the folder away.",
            ) from error


def job_folders(workspace: Workspace) -> Iterator[JobFolder]:
    """Yield the folders of all jobs of a workspace, in the order of their names."""
    for home in (workspace.jobs, workspace.checkpoints):
        try:
            names = sorted(os.listdir(home))  # noqa: PTH208 - this is done often, and names are all that is needed
        except FileNotFoundError:
            continue
        for name in names:
            folder = JobFolder(home / name)
            if not name.startswith(".") and folder.is_job():
                yield folder
