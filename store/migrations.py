"""How documents of older versions become documents of this one.

Version 1 is the file of plain TinyDB: `db.json`, `{table: {number: document}}`. Version 2 is the journal.
A later version adds one function from the version before it to `MIGRATIONS`, raises `SCHEMA` in
store/journal/lines.py, and puts a database of the version before it into tests/fixtures/store/.
A migration sees one document at a time, so that a crash in the middle leaves nothing half done: each segment
says the version of its documents, and is replaced whole.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

JsonDocument = dict[str, Any]
Migration = Callable[[str, JsonDocument], JsonDocument | None]
"""(table, document) -> the document one version later, or None when it is not kept."""

NAMESPACE = uuid.UUID("6e2f4d0e-6f2b-4d0e-9a57-1c5b7a0f6a11")


def identify(table: str, document: JsonDocument) -> JsonDocument:
    """1 → 2: numbered documents get an id of their own, the same at every attempt."""
    if isinstance(document.get("id"), str):
        return document
    number = document.pop("doc_id")
    return {"id": uuid.uuid5(NAMESPACE, f"{table}/{number}").hex, **document}


MIGRATIONS: Mapping[int, Migration] = {1: identify}
"""From each older version to the next."""


def migrate(table: str, document: JsonDocument, version: int, target: int) -> JsonDocument | None:
    """Return a document of `version` as one of `target`, or None when a migration does not keep it."""
    current: JsonDocument | None = document
    for step in range(version, target):
        if current is None:
            return None
        current = MIGRATIONS[step](table, current)
    return current
