"""What the .gitignore files of a folder, of those inside it and of those around it leave out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_MOST_BYTES = 1_000_000
"""Of a .gitignore; a larger one is no list that a person wrote."""


@dataclass(frozen=True)
class Rules:
    """The rules of one .gitignore and those above it."""

    spec: GitIgnoreSpec
    inside: str
    """Where the root stands in the folder of this .gitignore, or that folder in the root; with a slash at its end."""
    above: bool
    """The .gitignore is in a folder around the root."""
    outer: Rules | None

    def ignores(self, path: str) -> bool:
        """Say whether this path from the root is left out; a folder's ends with a slash. The deepest rule counts."""
        rules: Rules | None = self
        while rules is not None:
            own = rules.inside + path if rules.above else path[len(rules.inside) :]
            said = rules.spec.check_file(own).include
            if said is not None:
                return said
            rules = rules.outer
        return False


def rules_around(root: Path) -> Rules | None:
    """Return the rules that hold in a root from the folders around it, up to the top of its repository."""
    root = root.resolve()
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)
    if top is None:
        return None
    rules = None
    for folder in reversed([root, *root.parents][: len(root.parts) - len(top.parts) + 1]):
        inside = root.relative_to(folder).as_posix()
        place = "" if inside == "." else inside + "/"
        if folder == top:
            rules = _added(folder / ".git" / "info" / "exclude", place, above=True, outer=rules)
        if folder != root:
            rules = _added(folder / ".gitignore", place, above=True, outer=rules)
    # A root that is left out itself was named all the same: what is said around it is not about what is in it.
    return None if rules is not None and rules.ignores("") else rules


def rules_in(folder: Path, path: str, outer: Rules | None) -> Rules | None:
    """Return the rules for a folder inside the root, whose path from there is `path` (empty for the root itself)."""
    return _added(folder / ".gitignore", f"{path}/" if path else "", above=False, outer=outer)


def _added(file: Path, inside: str, *, above: bool, outer: Rules | None) -> Rules | None:
    from pathspec import GitIgnoreSpec

    try:
        if not file.is_file() or file.stat().st_size > _MOST_BYTES:
            return outer
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        # git itself goes on without a .gitignore that it cannot read.
        return outer
    spec = GitIgnoreSpec.from_lines(line for line in lines if _usable(line))
    return Rules(spec, inside, above, outer) if len(spec) else outer


def _usable(line: str) -> bool:
    """Say whether a line is a pattern; git passes over what is none."""
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
