"""TinyDB's table over the journal: text ids, and single documents touched without reading the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, cast

from tinydb import TinyDB
from tinydb.queries import QueryLike
from tinydb.table import Document, Table

from store.models import new_id
from store.storage import JournalStorage
from store.views import StagedTable, TableView

Fields = Mapping[str, Any] | Callable[[MutableMapping[str, Any]], None]


class DocumentTable(Table):
    """A TinyDB table whose ids are text and whose changes are one journal record each.

    A document that has an `id` in it is stored under that; others get a random one. Values are JSON: a tuple
    comes back as a list. Nothing is cached, so a result is always what the store holds.
    """

    document_id_class = str  # type: ignore[assignment]
    default_query_cache_capacity = 0

    def __init__(
        self, storage: JournalStorage, name: str, cache_size: int = 0, persist_empty: bool = False
    ) -> None:
        """Use `storage.memory(name)`; an empty table is not written down."""
        self._journal = storage
        super().__init__(storage, name, cache_size=0, persist_empty=persist_empty)

    def insert(self, document: Mapping[str, Any]) -> str:  # type: ignore[override]
        """Insert a document and return its id. Raises ValueError when there is one with that id."""
        return cast("str", super().insert(_under_own_id(document)))

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[str]:  # type: ignore[override]
        """Insert documents in one transaction and return their ids. Raises ValueError as `insert` does."""
        inserted = super().insert_multiple(_under_own_id(document) for document in documents)
        return cast("list[str]", inserted)

    def get(self, cond: Any = None, doc_id: Any = None, doc_ids: Any = None) -> Any:
        """Return a document by query or id, None when there is none; with `doc_ids` a list, in table order."""
        if doc_ids is not None and doc_id is None:
            view, wanted = self._view(), {str(id_) for id_ in doc_ids}
            places = self._journal.memory(self.name).ordinals
            found = sorted((id_ for id_ in wanted if id_ in view), key=places.__getitem__)
            return [self.document_class(view[id_], cast("int", id_)) for id_ in found]
        return super().get(cond, doc_id, doc_ids)

    def contains(self, cond: QueryLike | None = None, doc_id: Any = None) -> bool:
        """Return whether there is a document with this id, or one that the query matches."""
        if doc_id is not None:
            return str(doc_id) in self._view()
        return super().contains(cond)

    def update(self, fields: Fields, cond: QueryLike | None = None, doc_ids: Any = None) -> list[str]:  # type: ignore[override]
        """Update documents by query or ids in one transaction and return their ids."""
        with self._journal.mutex:
            if doc_ids is None and cond is not None:
                doc_ids = self._matching(cond)
            return cast("list[str]", super().update(fields, None, doc_ids))

    def remove(self, cond: QueryLike | None = None, doc_ids: Any = None) -> list[str]:  # type: ignore[override]
        """Remove documents by query or ids in one transaction and return their ids."""
        with self._journal.mutex:
            if doc_ids is None and cond is not None:
                doc_ids = self._matching(cond)
            return cast("list[str]", super().remove(None, doc_ids))

    def _matching(self, cond: QueryLike) -> list[str]:
        return [id_ for id_, document in self._view().items() if cond(document)]

    def _get_next_id(self) -> Any:
        return new_id()

    def _view(self) -> TableView:
        return TableView(self._journal.memory(self.name))

    def _read_table(self) -> Any:
        return self._view()

    def _update_table(self, updater: Callable[[Any], None]) -> None:
        with self._journal.transaction():
            staged = StagedTable(self._view())
            updater(staged)
            for id_, document in staged.taken.items():
                if document is None:
                    self._journal.drop(self.name, id_)
                else:
                    self._journal.put_document(self.name, id_, document)


class DocumentDatabase(TinyDB):
    """TinyDB with the journal as its storage; `DocumentDatabase(folder)` opens it."""

    table_class = DocumentTable  # type: ignore[assignment]
    default_storage_class = JournalStorage  # type: ignore[assignment]


def _under_own_id(document: Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(document, Mapping) and not isinstance(document, Document):
        own = document.get("id")
        if isinstance(own, str):
            return Document(document, cast("int", own))
    return document
