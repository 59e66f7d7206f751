"""What TinyDB sees of the tables: mappings that parse a document when it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import orjson

from store.memory import TableMemory

JsonDocument = dict[str, Any]


class TableView(Mapping[str, JsonDocument]):
    """A table as a mapping of id to document. Every access parses anew, so that nobody can change what is stored."""

    def __init__(self, memory: TableMemory) -> None:
        self.memory = memory

    def __getitem__(self, id_: str) -> JsonDocument:
        document: JsonDocument = orjson.loads(self.memory.raws[id_])
        return document

    def __contains__(self, id_: object) -> bool:
        return id_ in self.memory.raws

    def __len__(self) -> int:
        return len(self.memory.raws)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self.memory.raws))


class TablesView(MutableMapping[str, Mapping[str, JsonDocument]]):
    """All tables that have documents; setting or deleting one changes only this view, until it is written."""

    def __init__(self, tables: Mapping[str, TableMemory], mutex: threading.RLock) -> None:
        with mutex:
            self._tables: dict[str, Mapping[str, JsonDocument]] = {
                name: TableView(memory) for name, memory in tables.items() if memory.raws
            }

    def __getitem__(self, name: str) -> Mapping[str, JsonDocument]:
        return self._tables[name]

    def __setitem__(self, name: str, documents: Mapping[str, JsonDocument]) -> None:
        self._tables[name] = documents

    def __delitem__(self, name: str) -> None:
        del self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


class StagedTable(MutableMapping[str, JsonDocument]):
    """A table with the changes that one of TinyDB's operations is making to it, none of them made yet."""

    def __init__(self, view: TableView) -> None:
        self._view = view
        self.taken: dict[str, JsonDocument | None] = {}
        """Documents handed out, which the operation may have changed, or set; None: deleted."""
        self._deleted = 0
        self._added = 0

    def __getitem__(self, id_: str) -> JsonDocument:
        if id_ not in self.taken:
            self.taken[id_] = self._view[id_]
        document = self.taken[id_]
        if document is None:
            raise KeyError(id_)
        return document

    def __setitem__(self, id_: str, document: JsonDocument) -> None:
        self.taken[id_] = document

    def __delitem__(self, id_: str) -> None:
        if id_ not in self:
            raise KeyError(id_)
        self.taken[id_] = None

    def __contains__(self, id_: object) -> bool:
        if id_ in self.taken:
            return self.taken[id_] is not None
        return id_ in self._view

    def __iter__(self) -> Iterator[str]:
        for id_ in self._view:
            if id_ in self:
                yield id_
        for id_ in list(self.taken):
            if id_ not in self._view and id_ in self:
                yield id_

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        """Delete all documents without parsing them."""
        for id_ in list(self):
            self.taken[id_] = None
