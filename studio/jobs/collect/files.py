"""Which files the sources name, each folder walked once, and what is left out with the reason."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from studio.config.sources import Source
from studio.jobs.collect.globs import Glob, GlobError, excluder, glob
from studio.jobs.collect.ignored import Rules, rules_around, rules_in
from studio.jobs.collect.pieces import Skipped
from studio.jobs.events import JobError

_NEVER = frozenset({".git", ".hg", ".svn"})
"""Folders of version control hold no file that a person wrote."""


class Named(NamedTuple):
    """A file that a source names; nothing of it has been read."""

    category: str
    root: str
    """As `sources.toml` writes it."""
    path: str
    """Relative to the root, with forward slashes."""
    place: str
    """Where it is on this machine."""
    local_only: bool


@dataclass(frozen=True)
class _Root:
    written: str
    """As `sources.toml` has it."""
    real: Path


class _Folder(NamedTuple):
    parts: tuple[str, ...]
    rules: Rules | None
    ignored: bool
    """A .gitignore leaves it out, and it was entered for a source that asks for all."""

    def ignores(self, path: str) -> bool:
        return self.ignored or (self.rules is not None and self.rules.ignores(path))


@dataclass(frozen=True)
class Wanted:
    """The globs of one source."""

    source: Source
    include: tuple[Glob, ...]
    named: re.Pattern[str]
    """What finds the paths that any glob of `include` names."""
    exclude: re.Pattern[str] | None

    def names(self, path: str) -> bool:
        """Say whether the source names this file."""
        return self.named.match(path) is not None and not self._excludes(path)

    def enters(self, parts: Sequence[str]) -> bool:
        """Say whether a file of the source may be below this folder."""
        return any(each.may_hold(parts) for each in self.include) and not self._excludes("/".join(parts))

    def _excludes(self, path: str) -> bool:
        return self.exclude is not None and self.exclude.fullmatch(path) is not None


def wanted(source: Source) -> tuple[Wanted, list[Skipped]]:
    """Read the globs of a source; one that leads out of its folder is told and names nothing.

    Raises:
        JobError: another glob cannot be used.
    """
    include: list[Glob] = []
    told: list[Skipped] = []
    for pattern in source.include:
        if ".." in pattern.split("/"):
            told.append(Skipped(pattern, "it leads out of the source's folder"))
            continue
        try:
            include.append(glob(pattern))
        except GlobError as error:
            raise _unusable(source, pattern, error) from error
    try:
        exclude = excluder(source.exclude)
    except GlobError as error:
        raise _unusable(source, ", ".join(source.exclude), error) from error
    named = re.compile("|".join(each.expression.pattern for each in include) or "(?!)", re.DOTALL)
    return Wanted(source, tuple(include), named, exclude), told


def find(
    folder: str, root: Path, sources: Sequence[Wanted], never: frozenset[str]
) -> Iterator[Named | Skipped]:
    """Yield the files that sources name below a root, in the order of their names, and what is left out with why.

    A folder is entered once, and only where a source may name something in it. Links to folders are not followed:
    what they lead to inside the root is read there, and what is outside is none of the source's.

    Args:
        folder: the root as `sources.toml` writes it.
        root: where that is.
        sources: those that look in it.
        never: places (real paths) that are never entered, such as the workspace's own database.
    """
    where = _Root(folder, Path(os.path.realpath(root)))
    pending = [_Folder((), rules_around(root), ignored=False)]
    while pending:
        parts, outer, around = pending.pop()
        here = root.joinpath(*parts)
        path = "/".join(parts)
        rules = rules_in(here, path, outer)
        try:
            with os.scandir(here) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Skipped(_shown(path) + "/", error.strerror or str(error))
            continue
        below: list[_Folder] = []
        for entry in found:
            name = f"{path}/{entry.name}" if path else entry.name
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
            except OSError as error:
                yield Skipped(_shown(name), error.strerror or str(error))
                continue
            if is_folder:
                inner = (*parts, entry.name)
                if entry.name not in _NEVER and any(each.enters(inner) for each in sources):
                    ignored = around or (rules is not None and rules.ignores(name + "/"))
                    kept = [each for each in sources if not (ignored and each.source.gitignore)]
                    # What a .gitignore leaves out is not entered: it may be a hundred thousand files.
                    if kept and os.path.realpath(entry.path) not in never:
                        below.append(_Folder(inner, rules, ignored))
                continue
            yield from _file(entry, name, where, sources, _Folder(parts, rules, around))
        pending.extend(reversed(below))


def _file(
    entry: os.DirEntry[str], name: str, root: _Root, sources: Sequence[Wanted], around: _Folder
) -> Iterator[Named | Skipped]:
    naming = [each for each in sources if each.names(name)]
    if not naming:
        if entry.is_symlink() and (reason := _link_to_folder(entry)):
            inner = tuple(name.split("/"))
            if any(each.enters(inner) for each in sources):
                yield Skipped(_shown(name), reason)
        return
    if any(each.source.gitignore for each in naming) and around.ignores(name):
        naming = [each for each in naming if not each.source.gitignore]
        if not naming:
            yield Skipped(_shown(name), "a .gitignore leaves it out")
            return
    if reason := _unreadable(entry, name, root.real):
        yield Skipped(_shown(name), reason)
        return
    for each in naming:
        yield Named(each.source.category, root.written, name, entry.path, each.source.local_only)


def _unreadable(entry: os.DirEntry[str], name: str, real_root: Path) -> str:
    """Return why a file cannot be read; empty where it can."""
    if _shown(name) != name:
        return "its name is not UTF-8"
    if entry.is_symlink():
        return _link_to_folder(entry) or _astray(entry, real_root)
    return "" if entry.is_file(follow_symlinks=False) else "it is no ordinary file"


def _astray(entry: os.DirEntry[str], real_root: Path) -> str:
    """Return why a link to a file cannot be read."""
    try:
        kind = Path(entry.path).stat().st_mode
    except FileNotFoundError:
        return "it is a link to nothing"
    except OSError as error:
        return "it is a link in a circle" if error.errno == errno.ELOOP else error.strerror or str(error)
    if not stat.S_ISREG(kind):
        return "it is no ordinary file"
    inside = Path(os.path.realpath(entry.path)).is_relative_to(real_root)
    return "" if inside else "it leads out of the source's folder"


def _link_to_folder(entry: os.DirEntry[str]) -> str:
    try:
        return "it is a link to a folder; links are not followed" if entry.is_dir() else ""
    except OSError:
        return ""


def _shown(path: str) -> str:
    """Return a path that can be written anywhere; a file's name may hold bytes that are no text."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _unusable(source: Source, pattern: str, error: GlobError) -> JobError:
    return JobError(
        f"The glob `{pattern}` of the category {source.category} cannot be used: {error}.",
        kept="Nothing was changed.",
        to_do="Correct it in sources.toml: relative to the source's root, `**` only between slashes.",
    )
