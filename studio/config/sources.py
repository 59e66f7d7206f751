"""`sources.toml`: which files are collected, by category, and from which folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from studio.config.fields import Name, Text
from studio.config.toml import Table, load_toml, parse, read_text, rewrite, validate

HERE = "."
"""The workspace itself."""


class Source(Table):
    """Files of one category."""

    category: Name
    include: Annotated[tuple[Text, ...], Field(min_length=1)]
    """Globs relative to the root; `**` crosses folders."""
    exclude: tuple[Text, ...] = ()
    """Globs that hold at any depth, of files and of whole folders."""
    root: Text | None = None
    """A folder, relative to the workspace or absolute; `~` is the home folder. None: each of `folders`."""
    local_only: bool = False
    """True keeps what is found away from any remote teacher."""
    gitignore: bool = True
    """False reads what a .gitignore leaves out as well, such as private notes."""


class Sources(Table):
    """All sources in the order of the file."""

    folders: tuple[Text, ...] = ()
    """Where sources without a root of their own look; empty is the workspace."""
    source: tuple[Source, ...] = ()

    def roots(self, source: Source) -> tuple[str, ...]:
        """Return the folders that one source looks in."""
        if source.root is not None:
            return (source.root,)
        return self.folders or (HERE,)


def load_sources(file: Path) -> Sources:
    """Read a `sources.toml`.

    Raises:
        ConfigError: the file cannot be used; every mistake is named.
    """
    return load_toml(file, Sources)


def add_folders(file: Path, folders: tuple[str, ...]) -> tuple[str, ...]:
    """Name more folders in a `sources.toml`, with all else in it left as it is; return those that are new.

    Raises:
        ConfigError: the file cannot be used.
        OSError: it cannot be written; it is as it was.
    """
    import tomlkit

    text = read_text(file)
    sources = validate(file, text, parse(file, text), Sources)
    # The workspace itself goes on being looked in.
    before = sources.folders or (HERE,)
    new = tuple(folder for folder in dict.fromkeys(folders) if folder not in before)
    if not new:
        return ()
    document = tomlkit.parse(text)
    listed = tomlkit.array()
    listed.extend([*before, *new])
    if "folders" in document:
        document["folders"] = listed
        written = tomlkit.dumps(document)
    else:
        # A key of the file itself has to stand before its first table; comments at the top stay at the top.
        head = _head_lines(text)
        lines = text.split("\n")
        entry = f"folders = {listed.as_string()}"
        written = "\n".join([*lines[:head], entry, "", *lines[head:]])
    rewrite(file, written, Sources)
    return new


def _head_lines(text: str) -> int:
    """Return how many lines the comment at the top has, with the empty line after it."""
    lines = text.split("\n")
    number = 0
    while number < len(lines) and lines[number].startswith("#"):
        number += 1
    while number < len(lines) and not lines[number].strip():
        number += 1
    return number
