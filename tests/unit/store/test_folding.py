"""Folding: outdated records go, in the background, and nothing else does."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from store.database import Store
from store.journal import folding
from tests.unit.store.samples import contents, example

pytestmark = pytest.mark.usefixtures("small_segments")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "journal").iterdir())


def _until_idle(store: Store) -> None:
    """A busy machine may leave folding without its turn for as long as it likes; it is given one here."""
    deadline = time.monotonic() + 60
    while store.folding:
        assert time.monotonic() < deadline, "folding does not come to its end"
        time.sleep(0.001)


def _reopened(folder: Path) -> dict[str, str]:
    with Store.open(folder) as store:
        assert store.notes == ()
        return contents(store)


def test_only_what_is_outdated_goes(folder: Path) -> None:
    with Store.open(folder) as store:
        for round_ in range(6):
            for number in range(6):
                store.examples.put(example(number, f"{round_}"))
        store.examples.delete(example(0).id)
        expected, before = contents(store), _size(folder)
        freed = store.fold()
        assert freed > before // 2
        assert _size(folder) == before - freed
        assert contents(store) == expected
        assert store.fold() == 0, "there is nothing left to do"
    assert _reopened(folder) == expected


def test_order_survives(folder: Path) -> None:
    """A document keeps its place when an older record of it is dropped, and gets a new one when it was deleted."""
    with Store.open(folder) as store:
        for number in range(6):
            store.examples.put(example(number))
        for number in (0, 3):
            store.examples.put(example(number, "changed"))
        store.examples.delete(example(1).id)
        store.examples.put(example(1, "again"))
        order = [example(n).id for n in (0, 2, 3, 4, 5, 1)]
        assert store.examples.ids() == order
        store.fold()
        for number in range(10, 14):
            store.examples.put(example(number))
    assert list(_reopened(folder))[:6] == order


def test_a_deleted_document_does_not_come_back(folder: Path) -> None:
    """A delete is kept as long as an older segment may have the document, and goes with the oldest segment."""
    journal = folder / "journal"
    with Store.open(folder) as store:
        store.examples.put_many([example(number) for number in range(10)])
        store.examples.delete(example(3).id)
        for round_ in range(8):
            store.examples.put(example(50, f"{round_}"))
        first = (journal / "00000001.log").read_bytes()
        assert store.fold() > 0
        assert (journal / "00000001.log").read_bytes() == first, "too little of it is outdated to rewrite it"
        expected = contents(store)
    assert example(3).id not in expected
    assert _reopened(folder) == expected
    with Store.open(folder) as store:
        for number in range(10):
            store.examples.delete(example(number).id)
        for round_ in range(8):
            store.examples.put(example(50, f"again {round_}"))
        for _ in range(3):
            store.fold()
        expected = contents(store)
        sealed = b"".join(path.read_bytes() for path in sorted(journal.iterdir())[:-1])
        assert b"\nd1\t" not in sealed, "with the documents gone, their deletes are not needed"
    assert _reopened(folder) == expected


def test_it_begins_by_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "OUTDATED_AT_LEAST", 5_000)
    monkeypatch.setattr(folding, "PAUSE_AT_LEAST", 0.0)
    monkeypatch.setattr(folding, "PAUSE_FACTOR", 0.0)
    with Store.open(folder) as store:
        for round_ in range(200):
            store.examples.put(example(round_ % 4, f"{round_}"))
            _until_idle(store)
        assert _size(folder) < 40_000, "200 records would be 80,000 bytes"
    assert len(_reopened(folder)) == 4


def test_nobody_waits_for_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While folding rests between two pieces, changes are made; what it then writes is right all the same."""
    reached, go_on = threading.Event(), threading.Event()

    def rest(self: folding.Folder, _seconds: float) -> None:
        reached.set()
        assert go_on.wait(30)

    with Store.open(folder) as store:
        for round_ in range(5):
            for number in range(5):
                store.examples.put(example(number, f"{round_}"))
        monkeypatch.setattr(folding.Folder, "_rest", rest)
        thread = threading.Thread(target=store.fold)
        thread.start()
        assert reached.wait(30)
        store.examples.put(example(1, "meanwhile"))
        store.examples.delete(example(2).id)
        store.examples.put(example(9, "new"))
        expected = contents(store)
        go_on.set()
        thread.join(30)
        assert contents(store) == expected
    assert _reopened(folder) == expected


def test_closing_does_not_wait_for_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "OUTDATED_AT_LEAST", 2_000)
    monkeypatch.setattr(folding, "PAUSE_AT_LEAST", 3_600.0)
    store = Store.open(folder)
    for round_ in range(60):
        store.examples.put(example(round_ % 3, f"{round_}"))
    assert store.folding
    expected = contents(store)
    store.close()
    assert not store.folding
    assert [path.suffix for path in (folder / "journal").iterdir() if path.suffix != ".log"] == []
    assert _reopened(folder) == expected


def test_a_transaction_that_fails_while_folding_looks(folder: Path) -> None:
    """Folding never takes what a transaction has changed but not yet written for what the store holds."""
    with Store.open(folder) as store:
        for number in range(6):
            store.examples.put(example(number, "first"))
        inside, done = threading.Event(), threading.Event()

        def fold() -> None:
            assert inside.wait(30)
            store.fold()
            done.set()

        thread = threading.Thread(target=fold)
        thread.start()
        with pytest.raises(ZeroDivisionError), store.transaction():
            store.examples.put_many([example(number, "never") for number in range(6)])
            inside.set()
            assert not done.wait(0.05), "folding waits for the transaction to end"
            raise ZeroDivisionError
        thread.join(30)
        assert set(contents(store).values()) == {"first"}
    assert set(_reopened(folder).values()) == {"first"}
