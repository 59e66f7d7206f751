"""Collections: frozen models in and out, filters, pages, counts, transactions."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from tinydb import Query, where

from store.database import Store
from store.errors import StoreError
from store.models import Example, JobRecord, Message, PreferencePair, SourceDocument, Status
from store.tables import TABLES
from tests.unit.store.samples import contents, example


def test_a_model_comes_back_as_it_went_in(store: Store, folder: Path) -> None:
    for table, kind in TABLES.items():
        assert store.collection(table) is getattr(store, table)
        assert store.collection(table).model is kind.model
    document = example(1, "Ünlü “çığ” 𝕏 \x00 \u2028 \n\t end")
    store.examples.put(document)
    assert store.examples.get(document.id) == document
    assert document.id in store.examples
    assert store.examples.get("nobody") is None
    store.close()
    with Store.open(folder) as reopened:
        assert reopened.examples.get(document.id) == document
        assert list(reopened.examples) == [document]


def test_put_replaces_and_keeps_the_place(store: Store) -> None:
    store.examples.put_many([example(n) for n in range(3)])
    store.examples.put(example(1, "changed"))
    assert list(contents(store).values()) == ["Çünkü 0.", "changed", "Çünkü 2."]


def test_delete(store: Store) -> None:
    store.examples.put(example(1))
    assert store.examples.delete(example(1).id) is True
    assert store.examples.delete(example(1).id) is False
    assert len(store.examples) == 0
    assert store.counts.total == 0


def test_another_table_s_model_is_refused(store: Store) -> None:
    with pytest.raises(TypeError, match="examples holds Example, not JobRecord"):
        store.examples.put_many([example(1), JobRecord(kind="x", folder="y")])  # type: ignore[list-item]
    assert len(store.examples) == 0, "all or none"


@pytest.mark.parametrize("id_", ["", "a\tb", "a\nb", "\x00", "x" * 201, "‮"])
def test_an_id_that_is_not_plain_text_is_refused(store: Store, id_: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        store.examples.put(example(1).model_copy(update={"id": id_}))
    assert len(store.examples) == 0


def test_filters(store: Store) -> None:
    store.examples.put_many(
        example(n, status=list(Status)[n % 4], category=("technical", "turkish")[n % 2]) for n in range(40)
    )
    wanted = [example(n).id for n in range(40) if n % 4 == 1]
    assert store.examples.ids(status=Status.ACCEPTED, category="turkish") == wanted
    assert store.examples.ids(status="accepted") == wanted
    assert store.examples.count(status=Status.ACCEPTED, category="technical") == 0
    assert store.examples.ids(status=Status.ACCEPTED, category="technical") == []
    assert store.examples.count(category="turkish") == 20
    assert store.examples.count(split=None) == 40
    assert store.examples.count() == len(store.examples) == 40
    assert [found.id for found in store.examples.find(status="accepted", limit=3, offset=2)] == wanted[2:5]
    assert store.examples.find(status="accepted", limit=0) == []
    last = store.examples.find(where("messages").any(Query().content == "Çünkü 39."))
    assert [found.id for found in last] == [example(39).id]
    both = store.examples.find(where("id").search("9$"), status="flagged", limit=2)
    assert [found.id for found in both] == [example(19).id, example(39).id]


def test_fields_without_an_index(store: Store) -> None:
    store.examples.put(example(1).model_copy(update={"note": 'a/b "c" ü', "slot": "topic"}))
    store.examples.put(example(2).model_copy(update={"note": "slot", "slot": "note"}))
    assert store.examples.ids(note='a/b "c" ü') == [example(1).id]
    assert store.examples.ids(slot="note") == [example(2).id]
    assert store.examples.count(slot="note", status="pending") == 1
    assert store.examples.ids(note=None) == []
    with pytest.raises(TypeError, match="no field 'colour'"):
        store.examples.ids(colour="red")


def test_indexes_follow_a_change(store: Store, folder: Path) -> None:
    store.examples.put(example(1))
    store.examples.put(example(1, status=Status.FLAGGED, category="turkish"))
    for opened in (store, Store.open(folder, readonly=True)):
        assert opened.examples.ids(status="pending") == []
        assert opened.examples.ids(status="flagged", category="turkish") == [example(1).id]
    store.examples.table.update({"status": "accepted"}, where("category") == "turkish")
    assert store.examples.ids(status="accepted") == [example(1).id]


def test_counts(store: Store) -> None:
    assert store.counts.by_status == {"pending": 0, "accepted": 0, "rejected": 0, "flagged": 0}
    store.examples.put_many([example(1), example(2, category="turkish", status=Status.ACCEPTED)])
    store.examples.put(example(3).model_copy(update={"split": "valid"}))
    counts = store.counts
    assert counts.total == 3
    assert counts.by_category == {"technical": 2, "turkish": 1}
    assert counts.by_split == {"train": 0, "valid": 1, "test": 0, "unassigned": 2}
    assert counts.by_category_status["turkish"] == {"pending": 0, "accepted": 1, "rejected": 0, "flagged": 0}
    store.examples.delete(example(2).id)
    assert store.counts.by_category == {"technical": 2}
    assert counts.total == 3, "what was handed out does not change"


def test_counts_cost_the_same_for_any_number(store: Store) -> None:
    """A count looks at the combinations of indexed values, not at the documents."""
    store.examples.put_many(example(n, status=list(Status)[n % 4]) for n in range(2_000))
    memory = store._storage.memory("examples")
    assert len(memory.members) == 4
    memory.codes = {}  # a count that walked over the documents would find none
    assert store.counts.by_status["flagged"] == 500
    assert store.examples.count(status="flagged") == 500


def test_a_transaction_is_one_record(store: Store, folder: Path) -> None:
    syncs = []
    journal = folder / "journal" / "00000001.log"
    before = len(journal.read_bytes().splitlines())
    with store.transaction():
        for number in range(5):
            store.examples.put(example(number))
        store.pairs.put(
            PreferencePair(id="p", prompt=(Message(role="user", content="?"),), chosen="a", rejected="b")
        )
        with store.transaction():
            store.examples.delete(example(0).id)
        store.examples.put(example(9))
        store.examples.delete(example(9).id)
        syncs.append(len(journal.read_bytes().splitlines()) - before)
        assert len(store.examples) == 4, "one sees one's own changes"
    lines = journal.read_bytes().splitlines()[before:]
    assert syncs == [0], "nothing is written before the end"
    assert [line[:2] for line in lines] == [b"p+", b"p+", b"p+", b"p+", b"p5", b"=\t"]


def test_an_exception_undoes_everything(store: Store) -> None:
    store.examples.put_many([example(n) for n in range(4)])
    before, counts, order = contents(store), store.counts, store.examples.ids()
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.examples.delete(example(1).id)
        store.examples.put(example(2, "changed", status=Status.REJECTED))
        store.examples.put(example(7))
        store.examples.table.truncate()
        with store.transaction():
            store.examples.put(example(1, "other"))
        raise ZeroDivisionError
    assert contents(store) == before
    assert store.examples.ids() == order
    assert store.counts == counts
    assert store.examples.ids(status="rejected") == []


def test_nothing_changed_writes_nothing(store: Store, folder: Path) -> None:
    store.examples.put(example(1))
    journal = folder / "journal" / "00000001.log"
    size = journal.stat().st_size
    store.examples.put(example(1))
    store.examples.table.update({"category": "technical"})
    store.examples.table.update({}, doc_ids=["nobody"])
    with store.transaction():
        pass
    assert journal.stat().st_size == size


def test_a_document_that_is_not_valid(store: Store) -> None:
    store.examples.table.insert({"id": "odd", "category": 3})
    with pytest.raises(StoreError, match="document odd of examples is not a valid Example"):
        store.examples.get("odd")
    store.sources.table.insert(
        {
            "category": "c",
            "kind": "section",
            "title": "t",
            "path": "p",
            "lines": [1, 2],
            "text": "",
            "sha256": "",
        }
    )
    (source,) = store.sources
    assert isinstance(source, SourceDocument)
    assert source.id == store.sources.ids()[0], "a document without an id has the one it is stored under"


def test_a_value_that_json_has_not(store: Store) -> None:
    with pytest.raises(TypeError):
        store.examples.table.insert({"id": "x", "category": {1, 2}})
    with pytest.raises(TypeError):
        store.examples.table.insert_multiple([{"id": "y"}, {"id": "z", "note": object()}])
    assert len(store.examples) == 0


def test_tinydb_s_whole_database(store: Store, folder: Path) -> None:
    """What TinyDB does with its storage as a whole: list, drop and rewrite tables."""
    database = store.database
    store.examples.put(example(1))
    database.table("own").insert({"id": "a", "n": 1})
    database.insert({"n": 2})
    assert database.tables() == {"examples", "own", "_default"}
    assert "DocumentDatabase" in repr(database)
    database.drop_table("own")
    assert database.tables() == {"examples", "_default"}
    store.close()
    with Store.open(folder) as reopened:
        assert reopened.database.tables() == {"examples", "_default"}
        reopened.database.storage.write({"examples": {"x": {"category": "c"}}})
        assert reopened.examples.ids(category="c") == ["x"]
        assert reopened.counts.total == 1
        reopened.database.drop_tables()
        assert reopened.database.storage.read() is None
    with Store.open(folder) as reopened:
        assert reopened.counts.total == 0


def test_files_are_for_their_owner_only(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(mode=0o755)
    with Store.open(folder) as store:
        store.examples.put(example(1))
        store.backup(tmp_path / "backup")
        store.fold()
    for path in [folder, *folder.rglob("*"), tmp_path / "backup"]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_iterating_while_changing(store: Store) -> None:
    store.examples.put_many([example(n) for n in range(5)])
    seen: list[Example] = []
    for document in store.examples:
        seen.append(document)
        store.examples.delete(example(3).id)
        store.examples.put(example(10 + len(seen)))
    assert [document.id for document in seen] == [example(n).id for n in (0, 1, 2, 4)]
