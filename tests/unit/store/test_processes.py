"""One process writes; others are told so, and can follow it read-only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store.database import Store
from store.errors import StoreLocked, StoreReadOnly
from tests.unit.store.samples import contents, example

ROOT = Path(__file__).parents[3]

OBEDIENT = """
import sys
from pathlib import Path
from store.database import Store
from store.journal import folding, writer
from tests.unit.store.samples import example
writer.SEGMENT_BYTES = folding.SEGMENT_BYTES = 3_000
with Store.open(Path(sys.argv[1])) as store:
    print("ready", flush=True)
    for line in sys.stdin:
        exec(line)
        print("done", flush=True)
"""


@contextmanager
def _writer(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Callable[[str], None]]]:
    """Another process that has the store open for writing and does what it is told."""
    child = subprocess.Popen(
        [sys.executable, "-c", OBEDIENT, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    stdin, stdout = child.stdin, child.stdout
    assert stdout.readline() == "ready\n"

    def do(line: str) -> None:
        stdin.write(line + "\n")
        stdin.flush()
        assert stdout.readline() == "done\n"

    try:
        yield child, do
    finally:
        stdin.close()
        child.wait(timeout=30)
        stdout.close()


def test_a_second_writer_is_refused(folder: Path) -> None:
    with _writer(folder) as (child, do):
        do("store.examples.put(example(1))")
        with pytest.raises(StoreLocked, match=f"process {child.pid} has this workspace open"):
            Store.open(folder)
        with Store.open(folder, readonly=True) as reader:
            assert reader.readonly
            assert len(reader.examples) == 1
            with pytest.raises(StoreReadOnly, match="nothing was changed"):
                reader.examples.put(example(2))
            with pytest.raises(StoreReadOnly):
                reader.examples.table.insert({"id": "x"})
    with Store.open(folder) as store:
        store.examples.put(example(2))


def test_the_lock_goes_with_a_killed_process(folder: Path) -> None:
    with _writer(folder) as (child, do):
        do("store.examples.put(example(1))")
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=30)
        with Store.open(folder) as store:
            assert list(contents(store)) == [example(1).id]


def test_two_stores_in_one_process(store: Store) -> None:
    with pytest.raises(StoreLocked):
        Store.open(store.folder)
    store.close()
    store.close()
    Store.open(store.folder).close()


def test_following(folder: Path) -> None:
    with _writer(folder) as (_, do), Store.open(folder, readonly=True) as reader:
        assert reader.refresh() == {}
        do("store.examples.put(example(1))")
        assert reader.refresh() == {"examples": (example(1).id,)}
        assert reader.refresh() == {}
        do("store.examples.put_many([example(n) for n in range(30)])")
        assert len(reader.refresh()["examples"]) == 29, "one is as it was"
        do("store.examples.delete(example(7).id)")
        do("store.examples.put(example(8, 'changed'))")
        assert reader.refresh() == {"examples": (example(7).id, example(8).id)}
        assert reader.counts.total == len(reader.examples) == 29
        for n in range(30):
            do(f"store.examples.put(example({n}, 'again'))")
        do("store.fold()")
        do("store.examples.put(example(31, 'after folding'))")
        reader.refresh()
        assert reader.counts.total == 31
        with Store.open(folder, readonly=True) as fresh:
            assert contents(fresh) == contents(reader)
            assert reader.examples.ids() == fresh.examples.ids()


def test_following_before_there_is_a_store(folder: Path) -> None:
    with Store.open(folder, readonly=True) as reader:
        assert len(reader.examples) == 0
        assert not folder.exists(), "a reader makes nothing"
        with Store.open(folder) as store:
            store.examples.put(example(1))
            assert reader.refresh() == {"examples": (example(1).id,)}


@pytest.mark.usefixtures("small_segments")
def test_following_what_is_folded_while_one_looks_away(folder: Path) -> None:
    """Every distance between two looks: within a segment, over several, with the segment folded and merged away."""
    with Store.open(folder) as store:
        store.examples.put(example(0))
        readers = [Store.open(folder, readonly=True) for _ in range(12)]
        for step in range(24):
            store.examples.put(example(step % 5, f"step {step}"))
            if step % 3 == 0:
                store.examples.delete(example((step + 1) % 5).id)
            if step % 4 == 1:
                store.fold()
            for distance, reader in enumerate(readers, 1):
                if step % distance == 0:
                    changed = reader.refresh()
                    assert contents(reader) == contents(store), (step, distance)
                    assert reader.counts == store.counts
                    assert set(changed) <= {"examples"}
        for reader in readers:
            reader.close()


CONSISTENT = """
import sys
from pathlib import Path
from store.database import Store
from store.journal import folding, writer
from tests.unit.store.samples import example
writer.SEGMENT_BYTES = folding.SEGMENT_BYTES = 8_000
folding.OUTDATED_AT_LEAST = 10_000
folding.PAUSE_AT_LEAST = folding.PAUSE_FACTOR = 0.0
with Store.open(Path(sys.argv[1])) as store:
    version = 0
    while True:
        version += 1
        store.examples.put_many([example(n, str(version)) for n in range(5)])
        if version == 1:
            print("ready", flush=True)
"""


def test_a_reader_sees_whole_transactions_only(folder: Path) -> None:
    """Beside a writer that never rests and folds all the time, old and new readers see five equal versions."""
    with subprocess.Popen(
        [sys.executable, "-c", CONSISTENT, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            with Store.open(folder, readonly=True) as reader:
                latest = 0
                for _ in range(150):
                    reader.refresh()
                    with Store.open(folder, readonly=True) as fresh:
                        for store in (reader, fresh):
                            versions = set(contents(store).values())
                            assert len(versions) == 1, versions
                            assert not any("missing" in note or "damaged" in note for note in store.notes)
                            assert int(versions.pop()) >= latest
                    latest = int(contents(reader)[example(0).id])
                assert latest > 5
        finally:
            child.kill()
