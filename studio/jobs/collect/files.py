"""Which files the sources name, and what they hold as text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from studio.config.sources import Source
from studio.jobs.collect.pieces import Skipped
from studio.jobs.events import JobError

MAX_BYTES = 2_000_000
"""Larger files are data or generated, not something a person wrote to be learned from."""


@dataclass(frozen=True)
class Found:
    """A readable file of one source."""

    category: str
    path: str
    """Relative to the source's root, with forward slashes."""
    text: str
    sha256: str
    local_only: bool


def find(source: Source, root: Path) -> Iterator[Found | Skipped]:
    """Yield the source's files in the order of their names, and those that are left out with the reason.

    Symbolic links that lead out of `root` are left out, so that a source never reads more than its folder.

    Raises:
        JobError: a glob of the source cannot be used.
    """
    real_root = root.resolve()
    for path in sorted({path for pattern in source.include for path in _matching(root, pattern, source)}):
        relative = path.relative_to(root).as_posix()
        if _excluded(relative, source.exclude):
            continue
        try:
            if not path.is_file():
                continue
            inside = path.resolve().is_relative_to(real_root)
        except OSError as error:
            yield Skipped(relative, error.strerror or str(error))
            continue
        if inside:
            yield _read(path, relative, source)
        else:
            yield Skipped(relative, "it leads out of the source's folder")


def _matching(root: Path, pattern: str, source: Source) -> list[Path]:
    try:
        return list(root.glob(pattern))
    except (ValueError, NotImplementedError) as error:
        raise JobError(
            f"The glob `{pattern}` of the category {source.category} cannot be used: {error}.",
            kept="Nothing was changed.",
            to_do="Correct it in sources.toml: relative to the source's root, `**` only between slashes.",
        ) from error


def _excluded(relative: str, patterns: tuple[str, ...]) -> bool:
    path = PurePosixPath(relative)
    return any(path.match(pattern) for pattern in patterns)


def _read(path: Path, relative: str, source: Source) -> Found | Skipped:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            return Skipped(relative, f"{size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:.0f} MB")
        content = path.read_bytes()
    except OSError as error:
        return Skipped(relative, error.strerror or str(error))
    if b"\0" in content[:8192]:
        return Skipped(relative, "binary")
    try:
        # Some editors put a mark in front that is no text.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Skipped(relative, f"not UTF-8 (byte {error.start})")
    # Line ends of other systems would count twice, or not at all.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Found(source.category, relative, text, hashlib.sha256(content).hexdigest(), source.local_only)
