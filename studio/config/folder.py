"""A folder of configuration files: the good ones are kept, the bad ones are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from studio.config.errors import ConfigError, Problem


class Named(Protocol):
    """What a file of such a folder holds: something whose name is the file's."""

    @property
    def name(self) -> str:
        """The name, which is the file's without its ending."""
        ...


T = TypeVar("T")
N = TypeVar("N", bound=Named)


@dataclass(frozen=True)
class Loaded(Generic[T]):
    """What could be read, and what was wrong with the rest."""

    items: tuple[T, ...]
    problems: tuple[Problem, ...] = ()


def load_folder(folder: Path, load: Callable[[Path], N]) -> Loaded[N]:
    """Read all `*.toml` of `folder` in the order of their names; a missing folder is an empty one."""
    items: list[N] = []
    problems: list[Problem] = []
    for file in sorted(folder.glob("*.toml")):
        try:
            items.append(checked_name(file, load(file)))
        except ConfigError as error:
            problems.extend(error.problems)
    return Loaded(tuple(items), tuple(problems))


def checked_name(file: Path, item: N) -> N:
    """Return `item` where its name is the file's.

    Raises:
        ConfigError: they differ, so that one of two files with the same name would be lost.
    """
    if item.name != file.stem:
        raise ConfigError(Problem(file, "name", f'"{item.name}"', f'"{file.stem}", the name of the file'))
    return item
