"""What previews brought, kept in the workspace: they are paid for, and their tokens are what a quote is made from."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from store.models import new_id, now
from studio.config.recipes import Recipe
from studio.jobs.rows import Row, RowFile
from studio.workspace import Workspace

PREVIEWS_FILE = "previews.jsonl"


class Sample(BaseModel):
    """One request of a preview and its answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    at: datetime = Field(default_factory=now)
    recipe: str
    words: str
    """Of the recipe's prompts, a hash: other words have other tokens."""
    server: str
    model: str
    examples: int
    """Asked for."""
    input_tokens: int
    """All of them, the cached ones included."""
    cached_tokens: int = 0
    """Of the input, written to or read from the server's cache."""
    output_tokens: int
    cost_usd: float | None = None
    text: str = ""
    """The reply: nothing paid for is lost."""
    attempt: str = ""
    """The attempt that brought it."""


def words_of(recipe: Recipe) -> str:
    """Return the hash of a recipe's prompts."""
    prompt = recipe.prompt
    return hashlib.sha256(f"{prompt.system}\0{prompt.user}".encode()).hexdigest()[:16]


class PreviewBook:
    """The workspace's book of previews: an attempt is in it before it is sent, and its answer before it is shown."""

    def __init__(self, workspace: Workspace) -> None:
        """Open or make it.

        Raises:
            OSError: it cannot be opened.
        """
        self._file = RowFile(_file(workspace))

    def begin(self, recipe: str, usd: float) -> str:
        """Set aside what an attempt can cost at most, and return its name; without an answer it stays at that.

        Raises:
            OSError: it could not be written, so it must not be sent.
        """
        attempt = new_id()
        self._file.append([{"attempt": attempt, "recipe": recipe, "usd": usd}])
        return attempt

    def free(self, attempt: str) -> None:
        """Give back an attempt that the server has not billed."""
        self._file.append([{"attempt": attempt, "free": True}])

    def keep(self, sample: Sample) -> None:
        """Put a sample on the disk; it settles its attempt.

        Raises:
            OSError: it could not be written.
        """
        self._file.append([sample.model_dump(mode="json")])

    def claim(self, order_id: str, recipes: Iterable[str]) -> None:
        """Note that an order counts what previews of these recipes have cost until now: no later one counts it again.

        Raises:
            OSError: it could not be written.
        """
        self._file.append([{"order": order_id, "recipes": list(recipes)}])


def samples(workspace: Workspace) -> list[Sample]:
    """Return all samples, the oldest first; damaged rows are left out."""
    return [sample for row in _rows(workspace) if (sample := _sample(row)) is not None]


def previewed_usd(workspace: Workspace, recipes: Collection[str]) -> float:
    """Return what previews of recipes have cost since the last order that counted them.

    An attempt whose answer never came, or is on its way, counts at its worst case.
    """
    paid: defaultdict[str, float] = defaultdict(float)
    unsettled: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for row in _rows(workspace):
        name = str(row.get("recipe"))
        if "order" in row:
            for counted in row.get("recipes", ()):
                paid.pop(counted, None)
                unsettled.pop(counted, None)
        elif row.get("free"):
            for attempts in unsettled.values():
                attempts.pop(str(row.get("attempt")), None)
        elif "usd" in row:
            unsettled[name][str(row.get("attempt"))] = float(row["usd"])
        elif (sample := _sample(row)) is not None:
            unsettled[name].pop(sample.attempt, None)
            paid[name] += sample.cost_usd or 0.0
    return sum(paid[name] + sum(unsettled[name].values()) for name in recipes)


def fitting(found: Iterable[Sample], recipe: Recipe, server: str, model: str) -> list[Sample]:
    """Return the newest samples that tell most of a recipe: of its words, this server and this model if there are."""
    by_fit: dict[int, list[Sample]] = {}
    for sample in found:
        if sample.recipe == recipe.name:
            asked = (sample.server, sample.model) == (server, model)
            fit = asked + (asked and sample.words == words_of(recipe))
            by_fit.setdefault(fit, []).append(sample)
    return by_fit[max(by_fit)][-12:] if by_fit else []


def _rows(workspace: Workspace) -> Iterator[Row]:
    file = _file(workspace)
    if file.exists():
        yield from RowFile(file).rows


def _sample(row: Row) -> Sample | None:
    try:
        return Sample.model_validate(row)
    except ValidationError:
        return None


def _file(workspace: Workspace) -> Path:
    return workspace.data / PREVIEWS_FILE
