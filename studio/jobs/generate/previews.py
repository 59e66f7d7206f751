"""What previews brought, kept in the workspace: they are paid for, and their tokens are what a quote is made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from store.models import now
from studio.config.recipes import Recipe
from studio.jobs.rows import RowFile
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


def words_of(recipe: Recipe) -> str:
    """Return the hash of a recipe's prompts."""
    prompt = recipe.prompt
    return hashlib.sha256(f"{prompt.system}\0{prompt.user}".encode()).hexdigest()[:16]


def keep_sample(workspace: Workspace, sample: Sample) -> None:
    """Put a sample on the disk.

    Raises:
        OSError: it could not be written.
    """
    RowFile(workspace.data / PREVIEWS_FILE).append([sample.model_dump(mode="json")])


def samples(workspace: Workspace) -> list[Sample]:
    """Return all samples, the oldest first; damaged rows are left out."""
    file = workspace.data / PREVIEWS_FILE
    if not file.exists():
        return []
    found = []
    for row in RowFile(file).rows:
        try:
            found.append(Sample.model_validate(row))
        except ValidationError:
            continue
    return found


def fitting(found: Iterable[Sample], recipe: Recipe, server: str, model: str) -> list[Sample]:
    """Return the newest samples that tell most of a recipe: of its words, this server and this model if there are."""
    by_fit: dict[int, list[Sample]] = {}
    for sample in found:
        if sample.recipe == recipe.name:
            asked = (sample.server, sample.model) == (server, model)
            fit = asked + (asked and sample.words == words_of(recipe))
            by_fit.setdefault(fit, []).append(sample)
    return by_fit[max(by_fit)][-12:] if by_fit else []
