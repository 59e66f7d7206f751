"""What is wrong in a file that a person wrote: where, what was found, what was expected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One mistake in a configuration file."""

    file: Path
    key: str
    """Dotted, with array indexes from 0: `slots[2].id`; empty when the file as a whole is meant."""
    found: str
    expected: str
    line: int | None = None
    """Counted from 1; None where it is not known."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        key = f"{self.key}: " if self.key else ""
        return f"{place}: {key}found {self.found}, expected {self.expected}"


class ConfigError(Exception):
    """A configuration file cannot be used; `problems` has every mistake in it, the first one first."""

    def __init__(self, *problems: Problem) -> None:
        if not problems:
            raise ValueError("a ConfigError names at least one problem")
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
        # The three parts in which every failure is told to a person.
        self.what = str(self)
        self.kept = "The file was left as it is."
        self.to_do = f"Correct {problems[0].file.name} and try again."

    @property
    def file(self) -> Path:
        """The file of the first problem."""
        return self.problems[0].file

    @property
    def key(self) -> str:
        """The dotted key of the first problem; empty when the file as a whole is meant."""
        return self.problems[0].key

    @property
    def found(self) -> str:
        """What stood there."""
        return self.problems[0].found

    @property
    def expected(self) -> str:
        """What should have stood there."""
        return self.problems[0].expected

    @property
    def line(self) -> int | None:
        """The line of the first problem, counted from 1; None where it is not known."""
        return self.problems[0].line
