"""The kinds of value that several configuration files share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from pydantic_core import PydanticCustomError

MISTAKE = "mistake"
"""The type of the errors that `mistake` makes."""

Language = Literal["tr", "en"]
"""A language that a persona speaks."""

LanguageMix = Literal["tr", "en", "mixed"]
"""The language of an example or a case; `mixed` means both within a turn."""

Text = Annotated[str, StringConstraints(min_length=1)]
"""Any text but none."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
"""Safe as a file name and in a command: lowercase letters, digits, `-` and `_`."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A part of one: 0.9 is 90 %."""

Count = Annotated[int, Field(ge=0)]
"""A whole number that is not negative."""


def first_repeated(values: list[str]) -> str | None:
    """Return the first value that stands there twice, or None."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def mistake(found: str, expected: str) -> PydanticCustomError:
    """Return the error for a validator to raise, with both halves of its sentence."""
    return PydanticCustomError(
        MISTAKE, "expected {expected}, found {found}", {"found": found, "expected": expected}
    )
