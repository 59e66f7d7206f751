"""`sources.toml`: which files are collected, by category."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from studio.config.fields import Name, Text
from studio.config.toml import Table, load_toml


class Source(Table):
    """Files of one category."""

    category: Name
    include: Annotated[tuple[Text, ...], Field(min_length=1)]
    """Globs relative to the root; `**` crosses folders."""
    exclude: tuple[Text, ...] = ()
    root: Text = "."
    """A folder, relative to the workspace or absolute; `~` is the home folder."""
    local_only: bool = False
    """True keeps what is found away from any remote teacher."""


class Sources(Table):
    """All sources in the order of the file."""

    source: tuple[Source, ...] = ()


def load_sources(file: Path) -> Sources:
    """Read a `sources.toml`.

    Raises:
        ConfigError: the file cannot be used; every mistake is named.
    """
    return load_toml(file, Sources)
