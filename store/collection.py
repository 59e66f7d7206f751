"""One table as frozen models: what goes in and comes out is never TinyDB's."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import islice
from typing import Any, Generic, TypeVar

import orjson
from pydantic import ValidationError
from tinydb.queries import QueryLike

from store.collector import without_collector
from store.errors import StoreError
from store.memory import TableMemory
from store.models import Document
from store.storage import JournalStorage
from store.table import DocumentTable

M = TypeVar("M", bound=Document)

CACHED = 256
"""Models kept, so that a page that is drawn again is not validated again."""


class Collection(Generic[M]):
    """The documents of one table. All methods see one moment of the store; changes are durable when they return."""

    def __init__(self, storage: JournalStorage, table: DocumentTable, model: type[M]) -> None:
        self.table = table
        """The TinyDB table, for what this class has no method for."""
        self.model = model
        self._storage = storage
        self._cache: OrderedDict[str, tuple[bytes, M]] = OrderedDict()

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name

    def get(self, id_: str) -> M | None:
        """Return a document, or None when there is none with this id. Raises StoreError when it is not valid."""
        with self._storage.mutex:
            raw = self._memory.raws.get(id_)
            return None if raw is None else self._model(id_, raw)

    def raws(self, ids: Iterable[str] | None = None) -> dict[str, bytes]:
        """Return documents as the JSON that is stored: those of these ids that are there, or all, in order."""
        with self._storage.mutex:
            raws = self._memory.raws
            return raws.copy() if ids is None else {id_: raws[id_] for id_ in ids if id_ in raws}

    def put(self, document: M) -> None:
        """Insert a document or replace the one with its id. Raises StoreReadOnly, StoreWriteFailed."""
        self.put_many((document,))

    def put_many(self, documents: Iterable[M]) -> None:
        """Insert or replace documents: all of them or, with an exception, none. Raises as `put` does."""
        indexes = self._memory.indexes
        name, put = self.name, self._storage.put
        with without_collector(), self._storage.transaction():
            for document in documents:
                if not isinstance(document, self.model):
                    raise TypeError(f"{name} holds {self.model.__name__}, not {type(document).__name__}")
                raw = document.__pydantic_serializer__.to_json(document)
                put(name, document.id, raw, tuple([_plain(getattr(document, field)) for field in indexes]))

    def delete(self, id_: str) -> bool:
        """Delete a document; returns False when there was none. Raises as `put` does."""
        with self._storage.transaction():
            known = id_ in self._memory.raws
            self._storage.drop(self.name, id_)
        return known

    def ids(self, **equal: Any) -> list[str]:
        """Return the ids of the documents whose fields have these values, in the order they were first put."""
        with self._storage.mutex:
            return list(self._ids(None, equal))

    def find(
        self, query: QueryLike | None = None, *, limit: int | None = None, offset: int = 0, **equal: Any
    ) -> list[M]:
        """Return the documents with these values that the TinyDB query matches, in the order they were first put.

        Indexed fields in `equal` narrow the search first; `offset` and `limit` make a page. The query sees the
        document as JSON. Raises StoreError for a document that is not valid.
        """
        stop = None if limit is None else offset + limit
        with self._storage.mutex:
            raws = self._memory.raws
            return [self._model(id_, raws[id_]) for id_ in islice(self._ids(query, equal), offset, stop)]

    def count(self, **equal: Any) -> int:
        """Count the documents with these values; by indexed fields in a time that does not grow with them."""
        with self._storage.mutex:
            if all(name in self._memory.indexes for name in equal):
                return self._memory.count({name: _plain(value) for name, value in equal.items()})
            return sum(1 for _ in self._ids(None, equal))

    def __len__(self) -> int:
        return len(self._memory.raws)

    def __iter__(self) -> Iterator[M]:
        """Yield the documents that were there at the beginning and still are."""
        for id_ in list(self._memory.raws):
            document = self.get(id_)
            if document is not None:
                yield document

    def __contains__(self, id_: object) -> bool:
        return id_ in self._memory.raws

    @property
    def _memory(self) -> TableMemory:
        return self._storage.memory(self.name)

    def _ids(self, query: QueryLike | None, equal: dict[str, Any]) -> Iterator[str]:
        memory = self._memory
        indexed = {name: _plain(value) for name, value in equal.items() if name in memory.indexes}
        others = {name: _plain(value) for name, value in equal.items() if name not in memory.indexes}
        unknown = [name for name in others if name not in self.model.model_fields]
        if unknown:
            raise TypeError(f"{self.model.__name__} has no field {unknown[0]!r}")
        ids = memory.ids(indexed)
        if not others and query is None:
            return ids
        return self._matching(ids, query, others)

    def _matching(self, ids: Iterable[str], query: QueryLike | None, others: dict[str, Any]) -> Iterator[str]:
        raws = self._memory.raws
        # A document that has the value has its JSON text in it; looking for that is far quicker than parsing.
        marks = [
            orjson.dumps(value) for value in others.values() if isinstance(value, str) and _literal(value)
        ]
        for id_ in ids:
            raw = raws[id_]
            if not all(mark in raw for mark in marks):
                continue
            document = orjson.loads(raw)
            if all(document.get(name) == value for name, value in others.items()) and (
                query is None or query(document)
            ):
                yield id_

    def _model(self, id_: str, raw: bytes) -> M:
        cached = self._cache.get(id_)
        if cached is not None and cached[0] is raw:
            self._cache.move_to_end(id_)
            return cached[1]
        try:
            document = self.model.model_validate_json(raw)
        except ValidationError as error:
            raise StoreError(
                f"document {id_} of {self.name} is not a valid {self.model.__name__}: {error}"
            ) from error
        if document.id != id_:
            document = document.model_copy(update={"id": id_})
        self._cache[id_] = (raw, document)
        if len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return document


def _plain(value: Any) -> Any:
    """Return an enum's value: its members have another hash than the text they are equal to."""
    if value is None or type(value) is str:
        return value
    return value.value if isinstance(value, Enum) else value


def _literal(value: str) -> bool:
    """Return whether every JSON writer spells this text the same way."""
    return value.isascii() and value.isprintable() and not set(value) & {'"', "\\", "/"}
