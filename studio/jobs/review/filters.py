"""Which examples are listed and in which order."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

Order = Literal["came", "random", "worst", "recipe", "judge"]
Dimension = Literal["status", "category", "recipe", "slot", "language", "signal", "teacher", "run"]

ORDERS: Final[dict[Order, str]] = {
    "came": "as it came",
    "random": "random",
    "worst": "worst signals first",
    "recipe": "by recipe",
    "judge": "worst by the judge first",
}
DIMENSIONS: Final[tuple[Dimension, ...]] = (
    "status",
    "category",
    "recipe",
    "slot",
    "language",
    "signal",
    "teacher",
    "run",
)
NONE: Final = "(none)"
"""The value of a field that an example does not have."""


class Filter(BaseModel):
    """What is listed; None and an empty text leave all in. All of it holds at once."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: str | None = None
    category: str | None = None
    recipe: str | None = None
    slot: str | None = None
    language: str | None = None
    """Of at least one reply."""
    signal: str | None = None
    """A signal's name."""
    teacher: str | None = None
    run: str | None = None
    """The id of the generation job."""
    text: str = ""
    """Words, Turkish-aware; between slashes it is a regular expression."""
    order: Order = "came"
    seed: int = 1
    """Of the random order."""

    @property
    def wanted(self) -> dict[Dimension, str]:
        """The values that are asked for."""
        return {name: value for name in DIMENSIONS if (value := getattr(self, name)) is not None}

    @property
    def equal(self) -> dict[str, Any]:
        """The fields that the store's own indexes answer."""
        return {
            name: value
            for name, value in self.wanted.items()
            if name in ("status", "category", "recipe") and value != NONE
        }

    @property
    def simple(self) -> bool:
        """True where the store's indexes answer all of it."""
        return len(self.equal) == len(self.wanted) and not self.text and self.order == "came"

    @property
    def title(self) -> str:
        """The filter in words."""
        parts = [self.category or "all categories", self.status or "any status"]
        parts += [
            f"{name} {value}" for name, value in self.wanted.items() if name not in ("category", "status")
        ]
        return " · ".join(parts)
