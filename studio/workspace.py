"""Where a workspace keeps its data and checkpoints."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

PERSONA_FILE = "persona.toml"

_IGNORED = """\
# What JESSY Studio makes here: conversations, jobs and weights; and exports of your chats.
# What you write stays visible.
/data/db/
/data/jobs/
/data/backups/
/data/logs/
/checkpoints/
/exports/
"""


class WorkspaceNotFoundError(Exception):
    """No workspace at the place that was named, with what to do about it."""


def default_content() -> Path:
    """Return the folder of the default content: inside the wheel, or `data/` of the checkout."""
    packaged = Path(__file__).parent / "content"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class Workspace:
    """A folder with `data/persona.toml`; all other places follow from it."""

    root: Path

    @property
    def data(self) -> Path:
        """Content that the person edits, and the untracked database and jobs."""
        return self.root / "data"

    @property
    def checkpoints(self) -> Path:
        """One folder a training run."""
        return self.root / "checkpoints"

    @property
    def database(self) -> Path:
        """The store's own folder."""
        return self.data / "db"

    @property
    def jobs(self) -> Path:
        """One folder a job, but for training runs."""
        return self.data / "jobs"

    @property
    def logs(self) -> Path:
        """Where tracebacks go."""
        return self.data / "logs"

    @property
    def backups(self) -> Path:
        """Where `backup` writes unless told otherwise."""
        return self.data / "backups"

    @property
    def persona_file(self) -> Path:
        """Who the model shall become."""
        return self.data / PERSONA_FILE

    @property
    def sources_file(self) -> Path:
        """Which files are collected."""
        return self.data / "sources.toml"

    @property
    def recipes(self) -> Path:
        """One file a generation recipe."""
        return self.data / "recipes"

    @property
    def suites(self) -> Path:
        """One file a validation suite."""
        return self.data / "suites"

    @property
    def starter(self) -> Path:
        """Hand-written examples, one JSONL file a recipe."""
        return self.data / "starter"

    def inside(self, relative: str | Path) -> Path:
        """Return the absolute path of `relative`; raise ValueError where it leads out of the workspace."""
        root = self.root.resolve()
        path = (root / relative).resolve()
        if not path.is_relative_to(root):
            raise ValueError(f"{relative} leads out of the workspace {self.root}")
        return path

    def relative(self, path: Path) -> str:
        """Return `path` relative to the workspace, with forward slashes; raise ValueError outside of it."""
        return path.resolve().relative_to(self.root.resolve()).as_posix()

    def exists(self) -> bool:
        """Say whether the folder is a workspace."""
        return self.persona_file.is_file()

    @classmethod
    def find(cls, path: Path | None = None) -> Workspace:
        """Open the workspace at `path`, or in the current folder.

        Raises:
            WorkspaceNotFoundError: there is no `data/persona.toml` in it.
        """
        root = (path or Path.cwd()).expanduser().resolve()
        workspace = cls(root)
        if not workspace.exists():
            raise WorkspaceNotFoundError(
                f"{root} is not a workspace: it has no data/{PERSONA_FILE}. "
                f"Make one with: jessy-studio init {path or '.'}"
            )
        return workspace

    @classmethod
    def create(cls, root: Path) -> Workspace:
        """Make a workspace with the default content and a `.gitignore`; files that are there already are kept.

        Raises:
            OSError: the folder cannot be written.
        """
        workspace = cls(root.expanduser().resolve())
        for folder in (workspace.data, workspace.checkpoints, workspace.jobs, workspace.logs):
            folder.mkdir(parents=True, exist_ok=True)
        content = default_content()
        for name in (PERSONA_FILE, "sources.toml", "recipes", "suites", "starter"):
            _copy_missing(content / name, workspace.data / name)
        ignored = workspace.root / ".gitignore"
        if not ignored.exists():
            # Without it, private conversations would be one `git add .` away from being published.
            ignored.write_text(_IGNORED, encoding="utf-8")
        return workspace


def _copy_missing(source: Path, target: Path) -> None:
    if source.is_dir():
        for child in sorted(source.iterdir()):
            if not child.name.startswith("."):
                _copy_missing(child, target / child.name)
    elif source.is_file() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
