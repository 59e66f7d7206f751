"""Globs of `sources.toml`: which files they name, and which folders may hold any."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class GlobError(ValueError):
    """The glob cannot be used; the message says why, for people."""


@dataclass(frozen=True)
class Glob:
    """One pattern, relative to a root."""

    parts: tuple[str, ...]
    expression: re.Pattern[str]
    """Of a whole relative path with forward slashes."""
    steps: tuple[re.Pattern[str] | None, ...]
    """Of each part; None crosses folders."""

    def names(self, path: str) -> bool:
        """Say whether the pattern names this file."""
        return self.expression.match(path) is not None

    def may_hold(self, folder: Sequence[str]) -> bool:
        """Say whether a file below this folder (its parts, from the root) could be named."""
        for number, part in enumerate(folder):
            if number >= len(self.steps) - 1:
                return number < len(self.steps) and self.steps[number] is None
            step = self.steps[number]
            if step is None:
                return True
            if step.match(part) is None:
                return False
        return True


def glob(pattern: str) -> Glob:
    """Read one pattern: `*`, `?` and `[…]` stay within a folder, `**` crosses folders, and at the end names all below.

    Raises:
        GlobError: it is absolute, leads out of the root, or has `**` beside other letters.
    """
    if pattern.startswith(("/", "~")) or (len(pattern) > 1 and pattern[1] == ":"):
        raise GlobError("it is not relative to the source's root")
    parts = tuple(part for part in pattern.split("/") if part not in ("", "."))
    if not parts:
        raise GlobError("it names nothing")
    if ".." in parts:
        raise GlobError("it leads out of the source's folder")
    if any("**" in part and part != "**" for part in parts):
        raise GlobError("`**` stands only between slashes")
    whole = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            whole += ".+" if last else "(?:[^/]+/)*"
        else:
            whole += _part(part) + ("" if last else "/")
    return Glob(
        parts=parts,
        expression=re.compile(whole + r"\Z", re.DOTALL),
        steps=tuple(None if part == "**" else re.compile(_part(part) + r"\Z", re.DOTALL) for part in parts),
    )


def excluder(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """Return what finds the paths that any pattern excludes, at any depth; None where nothing is excluded.

    Raises:
        GlobError: a pattern cannot be used.
    """
    found = [glob(pattern.lstrip("/")).expression.pattern for pattern in patterns]
    return re.compile("(?:.*/)?(?:" + "|".join(found) + ")", re.DOTALL) if found else None


def _part(part: str) -> str:
    """Return the regular expression of one part of a path."""
    made, place = "", 0
    while place < len(part):
        letter = part[place]
        place += 1
        if letter == "*":
            made += "[^/]*"
        elif letter == "?":
            made += "[^/]"
        elif letter == "[" and (end := part.find("]", place + 1 + (part[place : place + 1] == "!"))) > 0:
            inside = part[place:end]
            inverted = inside.startswith("!")
            letters = inside.removeprefix("!").replace("\\", r"\\").replace("^", r"\^").replace("[", r"\[")
            made += f"[{'^/' if inverted else ''}{letters}]"
            place = end + 1
        else:
            made += re.escape(letter)
    try:
        re.compile(made)
    except re.error as error:
        raise GlobError(f"`{part}` has a set of letters that is none") from error
    return made
