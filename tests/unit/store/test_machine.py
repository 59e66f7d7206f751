"""TinyDB's table over the journal behaves as TinyDB's own in memory, however often it is reopened."""

from __future__ import annotations

import copy
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tinydb import Query, where
from tinydb.operations import delete as delete_field
from tinydb.operations import increment
from tinydb.storages import MemoryStorage
from tinydb.table import Document, Table

from store.database import Store
from store.journal import folding, writer
from store.table import DocumentTable

IDS = st.sampled_from([f"d{n}" for n in range(8)])
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
VALUES = st.one_of(
    st.integers(-5, 5), TEXT, st.none(), st.booleans(), st.lists(st.integers(0, 3), max_size=3)
)
FIELDS = st.sampled_from(["status", "category", "n", "text", "ğ"])
DOCUMENTS = st.dictionaries(FIELDS, VALUES, max_size=4)
QUERIES = st.one_of(
    st.builds(lambda value: where("n") == value, st.integers(-5, 5)),
    st.builds(lambda value: where("status") == value, TEXT),
    st.just(where("category").exists()),
    st.just(where("n").test(lambda value: isinstance(value, int) and value > 0)),
    st.just(~(where("text").exists()) | where("ğ").exists()),
    st.just(Query().noop()),
)


class TextTable(Table):
    """TinyDB's own table with text ids."""

    document_id_class = str  # type: ignore[assignment]
    default_query_cache_capacity = 0


class MidwayError(Exception):
    """Raised in the middle of a transaction."""


class StoreBesideTinyDB(RuleBasedStateMachine):
    """The same calls on both; results, errors and contents must be equal."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.small = (writer.SEGMENT_BYTES, folding.SEGMENT_BYTES)
        writer.SEGMENT_BYTES = folding.SEGMENT_BYTES = 600
        self.plain = TextTable(MemoryStorage(), "examples")
        self.store = Store.open(self.folder)

    @property
    def table(self) -> DocumentTable:
        return self.store.examples.table

    def teardown(self) -> None:
        self.store.close()
        writer.SEGMENT_BYTES, folding.SEGMENT_BYTES = self.small
        shutil.rmtree(self.folder)

    def both(self, call: Any) -> None:
        outcomes = []
        for table in (self.table, self.plain):
            try:
                outcomes.append(("returned", call(table)))
            except (ValueError, TypeError, KeyError, RuntimeError) as error:
                outcomes.append(("raised", type(error)))
        assert outcomes[0] == outcomes[1]

    @rule(id_=IDS, document=DOCUMENTS)
    def insert(self, id_: str, document: dict[str, Any]) -> None:
        self.both(lambda table: table.insert(Document(copy.deepcopy(document), id_)))

    @rule(documents=st.lists(st.tuples(IDS, DOCUMENTS), unique_by=lambda pair: pair[0], max_size=4))
    def insert_multiple(self, documents: list[tuple[str, dict[str, Any]]]) -> None:
        # At a clash TinyDB in memory keeps what it had inserted, a store nothing: so none here.
        fresh = [pair for pair in documents if not self.plain.contains(doc_id=pair[0])]
        self.both(lambda table: table.insert_multiple([Document(copy.deepcopy(d), i) for i, d in fresh]))

    @rule(document=DOCUMENTS, query=QUERIES)
    def update(self, document: dict[str, Any], query: Any) -> None:
        self.both(lambda table: table.update(copy.deepcopy(document), query))

    @rule(ids=st.lists(IDS, max_size=3))
    def increment_by_ids(self, ids: list[str]) -> None:
        numbered = [id_ for id_ in ids if type((self.plain.get(doc_id=id_) or {}).get("n")) is int]
        self.both(lambda table: table.update(increment("n"), doc_ids=numbered))

    @rule()
    def drop_a_field(self) -> None:
        self.both(lambda table: table.update(delete_field("text"), where("text").exists()))

    @rule(document=DOCUMENTS)
    def update_all(self, document: dict[str, Any]) -> None:
        self.both(lambda table: table.update(copy.deepcopy(document)))

    @rule(updates=st.lists(st.tuples(DOCUMENTS, QUERIES), max_size=2))
    def update_multiple(self, updates: list[tuple[dict[str, Any], Any]]) -> None:
        self.both(lambda table: table.update_multiple(copy.deepcopy(updates)))

    @rule(id_=IDS, document=DOCUMENTS)
    def upsert(self, id_: str, document: dict[str, Any]) -> None:
        self.both(lambda table: table.upsert(Document(copy.deepcopy(document), id_)))

    @rule(query=QUERIES)
    def remove(self, query: Any) -> None:
        self.both(lambda table: table.remove(query))

    @rule(ids=st.lists(IDS, max_size=3, unique=True))
    def remove_ids(self, ids: list[str]) -> None:
        self.both(lambda table: table.remove(doc_ids=ids))

    @rule()
    def truncate(self) -> None:
        self.both(lambda table: table.truncate())

    @rule(query=QUERIES, ids=st.lists(IDS, max_size=3))
    def look(self, query: Any, ids: list[str]) -> None:
        self.both(lambda table: table.search(query))
        self.both(lambda table: table.count(query))
        self.both(lambda table: table.get(query))
        self.both(lambda table: table.get(doc_ids=ids))
        self.both(lambda table: table.contains(query))
        for id_ in ids:
            self.both(lambda table, id_=id_: (table.get(doc_id=id_), table.contains(doc_id=id_)))

    @rule(id_=IDS, document=DOCUMENTS, query=QUERIES)
    def interrupted_transaction(self, id_: str, document: dict[str, Any], query: Any) -> None:
        try:
            with self.store.transaction():
                self.table.remove(query)
                self.table.upsert(Document(document, id_))
                self.table.truncate()
                self.table.insert(Document(document, id_))
                raise MidwayError
        except MidwayError:
            pass

    @rule(document=DOCUMENTS, query=QUERIES)
    def transaction(self, document: dict[str, Any], query: Any) -> None:
        with self.store.transaction():
            self.both(lambda table: table.update(copy.deepcopy(document), query))
            self.both(lambda table: table.remove(where("n") == 1))

    @rule()
    def fold(self) -> None:
        self.store.fold()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store.open(self.folder)
        assert self.store.notes == ()

    @invariant()
    def equal(self) -> None:
        mine, plain = self.table.all(), self.plain.all()
        assert mine == plain
        assert [document.doc_id for document in mine] == [document.doc_id for document in plain]
        assert len(self.table) == len(self.plain)

    @invariant()
    def counted(self) -> None:
        for status in {str(d["status"]) for d in self.plain if isinstance(d.get("status"), str)}:
            expected = [d.doc_id for d in self.plain if d.get("status") == status]
            assert self.store.examples.ids(status=status) == expected
            assert self.store.examples.count(status=status) == len(expected)
        assert self.store.counts.total == len(self.plain)


StoreBesideTinyDB.TestCase.settings = settings(
    max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestStoreBesideTinyDB = StoreBesideTinyDB.TestCase
