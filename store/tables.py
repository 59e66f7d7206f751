"""Which tables there are, what model each holds and which of its fields are indexed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from store import models
from store.models import Document


@dataclass(frozen=True, slots=True)
class TableKind:
    """A table of the store."""

    model: type[Document]
    indexes: tuple[str, ...] = ()
    """Fields with text or None in them, by which `ids`, `find` and `count` are fast.

    A change here needs a new schema version: the journal has these fields beside each document.
    """


TABLES: dict[str, TableKind] = {
    "examples": TableKind(models.Example, ("status", "category", "split", "recipe")),
    "pairs": TableKind(models.PreferencePair, ("status",)),
    "sources": TableKind(models.SourceDocument, ("category", "kind")),
    "generation_runs": TableKind(models.GenerationRun),
    "training_runs": TableKind(models.TrainingRun, ("state",)),
    "checkpoints": TableKind(models.Checkpoint, ("run_id",)),
    "scorecards": TableKind(models.Scorecard, ("run_id",)),
    "deployments": TableKind(models.Deployment, ("tag",)),
    "chat_sessions": TableKind(models.ChatSession),
    "jobs": TableKind(models.JobRecord, ("kind", "state")),
}


def indexes_of(table: str) -> tuple[str, ...]:
    """Return the indexed fields of a table; a table that is not ours has none."""
    kind = TABLES.get(table)
    return kind.indexes if kind else ()


def keys_of(table: str, document: dict[str, Any]) -> tuple[Any, ...]:
    """Return the values of a JSON document's indexed fields; what it leaves out has the model's default."""
    return tuple([_scalar(document.get(name, default)) for name, default in _defaults(table)])


@cache
def _defaults(table: str) -> tuple[tuple[str, Any], ...]:
    """Return the indexed fields of a table with their defaults; none for a table that is not ours."""
    kind = TABLES.get(table)
    if kind is None:
        return ()
    fields = kind.model.model_fields
    return tuple((name, fields[name].get_default()) for name in kind.indexes)


def _scalar(value: Any) -> str | None:
    """Return what is indexed for a value: text as it is, None for anything that no valid document has."""
    if isinstance(value, Enum):
        value = value.value
    return value if isinstance(value, str) else None
