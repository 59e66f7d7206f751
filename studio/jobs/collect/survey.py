"""What the sources name at this moment: every file hashed, and what is left out with the reason."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from studio.config.sources import HERE, Source, Sources
from studio.jobs.collect.files import Named, Wanted, find, wanted
from studio.jobs.collect.pieces import Skipped
from studio.jobs.collect.reading import Found, stamp
from studio.workspace import Workspace

FileKey = tuple[str, str, str]
"""Category, root as `sources.toml` writes it, and path from there."""


@dataclass
class Survey:
    """Files by key, and what else there is to tell."""

    found: dict[FileKey, Found] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    """Roots that are not there, such as an unmounted disk: nothing of theirs is removed."""
    unread: set[tuple[str, str]] = field(default_factory=set)
    """Root and path of files, and of folders (with a slash at the end), that cannot be read now."""
    looked_at: int = 0
    """Files so far; another thread may watch it grow."""

    def may_come_back(self, key: FileKey) -> bool:
        """Say whether a file is only out of reach, so that what was cut from it stays."""
        _, root, path = key
        around = (path[: place + 1] for place, letter in enumerate(path) if letter == "/")
        return root in self.away or any((root, each) in self.unread for each in (path, *around, "/"))

    def take(self, workspace: Workspace, sources: Sources) -> Survey:
        """Walk every root once, for all sources that look in it.

        Raises:
            JobError: a glob cannot be used.
        """
        by_root: dict[str, list[Wanted]] = {}
        for source in sources.source:
            globs, told = wanted(source)
            self.skipped.extend(told)
            for root in sources.roots(source):
                by_root.setdefault(root, []).append(globs)
        never = _never(workspace)
        seen: dict[tuple[str, str], FileKey] = {}
        for root, looking in by_root.items():
            place = place_of(workspace, root)
            if not place.is_dir():
                self.away.add(root)
                categories = ", ".join(dict.fromkeys(each.source.category for each in looking))
                self.skipped.append(Skipped(root, f"there is no such folder (for {categories})"))
                continue
            stamps: dict[str, Found | Skipped] = {}
            for item in find(root, place, looking, never):
                if isinstance(item, Skipped):
                    self.skipped.append(_shown(root, item))
                    if item.path.endswith("/"):
                        self.unread.add((root, item.path))
                else:
                    self._add(item, stamps, seen)
        return self

    def _add(
        self, named: Named, stamps: dict[str, Found | Skipped], seen: dict[tuple[str, str], FileKey]
    ) -> None:
        """Hash a file, once for all its categories; of two sources that name it, the one that keeps it here counts."""
        known = stamps.get(named.path)
        if known is None:
            self.looked_at += 1
            known = stamps[named.path] = self._stamp(named)
            if isinstance(known, Skipped):
                self.skipped.append(_shown(named.root, known))
        if isinstance(known, Skipped):
            return
        key = seen.setdefault((named.category, named.place), (named.category, named.root, named.path))
        before = self.found.get(key)
        if before is None or named.local_only:
            self.found[key] = known if known.named is named else Found(named, known.sha256, known.size)

    def _stamp(self, named: Named) -> Found | Skipped:
        try:
            return stamp(named)
        except OSError as error:
            self.unread.add((named.root, named.path))
            return Skipped(named.path, error.strerror or str(error))


def place_of(workspace: Workspace, root: str) -> Path:
    """Return the folder that a root names: relative to the workspace, absolute, or below `~`."""
    return Path(os.path.normpath(workspace.root / Path(root).expanduser()))


def as_written(workspace: Workspace, folder: Path) -> str:
    """Return a folder as `sources.toml` should name it: from the workspace, from `~`, or absolute."""
    place = folder.expanduser().absolute()
    place = Path(os.path.normpath(place))
    if place.is_relative_to(workspace.root):
        return place.relative_to(workspace.root).as_posix()
    home = Path.home()
    if place.is_relative_to(home) and place != home:
        return f"~/{place.relative_to(home).as_posix()}"
    return place.as_posix()


def shown(root: str, path: str) -> str:
    """Return a path as a person knows it."""
    return path if root == HERE else f"{root.rstrip('/')}/{path}"


def _shown(root: str, skipped: Skipped) -> Skipped:
    return Skipped(shown(root, skipped.path), skipped.reason)


def _never(workspace: Workspace) -> frozenset[str]:
    """Return the places in which the studio keeps its own things: what it made is no source of itself."""
    own = (workspace.database, workspace.jobs, workspace.logs, workspace.backups, workspace.checkpoints)
    return frozenset(os.path.realpath(place) for place in own)


def categories(sources: Iterable[Source]) -> tuple[str, ...]:
    """Return the categories in the order of the file."""
    return tuple(dict.fromkeys(source.category for source in sources))
