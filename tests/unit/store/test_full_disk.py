"""No space left: the change that did not fit is not there, all others are, and with space it goes on."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Store
from store.errors import StoreWriteFailed
from store.files import AppendHandle, Files
from tests.unit.store.disk import FATES, FadingDisk
from tests.unit.store.samples import contents, example

DB = Path("/workspace/db")
ROOT = Path(__file__).parents[3]
CHANGES = [(1,), (2, 3, 4), (5,), (6, 7, 8, 9), (10,), (1,), (2, 5)]


def _work(store: Store, *, round_: int) -> Iterator[bool]:
    """Make the changes; yield for each whether it was acknowledged."""
    for numbers in CHANGES:
        try:
            store.examples.put_many([example(n, f"{round_}") for n in numbers])
        except StoreWriteFailed as failure:
            assert "everything before it is safe" in str(failure)
            yield False
        else:
            yield True


@pytest.mark.usefixtures("small_segments")
@pytest.mark.parametrize("lasts", [1, 2, 5], ids=lambda n: f"{n} operations long")
def test_an_error_at_every_operation(lasts: int) -> None:
    """Any single operation, or some in a row, fail with ENOSPC; the store stays right and usable."""
    calm = FadingDisk()
    with Store.open(DB, files=calm) as store:
        opening = calm.operations
        list(_work(store, round_=1))
    failures = 0
    for moment in range(opening + 1, calm.operations + 1):
        disk = FadingDisk()
        with Store.open(DB, files=disk) as store:

            def fault(operation: str, _path: Path, disk: FadingDisk = disk, moment: int = moment) -> None:
                if moment <= disk.operations < moment + lasts and operation != "truncate":
                    raise OSError(errno.ENOSPC, "No space left on device")

            disk.fault = fault
            expected: dict[str, str] = {}
            for numbers, acknowledged in zip(CHANGES, _work(store, round_=1), strict=True):
                failures += not acknowledged
                if acknowledged:
                    expected.update({example(n).id: "1" for n in numbers})
                assert contents(store) == expected, disk.log[-1]
                assert store.counts.total == len(expected)
            for fate in FATES:
                with Store.open(DB, files=disk.after_power_loss(fate)) as found:
                    assert contents(found) == expected, (disk.log[moment - 1], fate.name)
            disk.fault = lambda _operation, _path: None
            assert all(_work(store, round_=2)), "there is space again"
            expected = contents(store)
        with Store.open(DB, files=disk) as store:
            assert contents(store) == expected
            assert store.notes == ()
    assert failures >= len(CHANGES)


class _DiskThatFills(Files):
    """The real files; while `full`, half of each write arrives and the kernel refuses the rest, as /dev/full does."""

    def __init__(self) -> None:
        self.full = False

    def _open(self, path: Path, flags: int) -> AppendHandle:
        return _FillingHandle(super()._open(path, flags), self)


class _FillingHandle(AppendHandle):
    def __init__(self, real: AppendHandle, disk: _DiskThatFills) -> None:
        super().__init__(real._fd)
        self._disk = disk

    def append(self, data: bytes) -> None:
        if not self._disk.full:
            return super().append(data)
        super().append(data[: len(data) // 2])
        with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123 - a device
            full.write(data[len(data) // 2 :])
        return None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_dev_full(folder: Path) -> None:
    files = _DiskThatFills()
    with Store.open(folder, files=files) as store:
        store.examples.put(example(1))
        files.full = True
        for _ in range(3):
            with pytest.raises(StoreWriteFailed, match="No space left on device"):
                store.examples.put_many([example(2), example(3)])
        with pytest.raises(StoreWriteFailed), store.transaction():
            store.examples.put(example(1, "changed"))
            store.examples.delete(example(1).id)
            store.examples.put(example(4))
        assert contents(store) == {example(1).id: "Çünkü 1."}
        files.full = False
        store.examples.put(example(5))
    with Store.open(folder) as store:
        assert list(contents(store)) == [example(1).id, example(5).id]
        assert store.notes == ()


LIMITED = """
import resource, sys
from pathlib import Path
from store.database import Store
from store.errors import StoreWriteFailed
from tests.unit.store.samples import example
limit = resource.getrlimit(resource.RLIMIT_FSIZE)
with Store.open(Path(sys.argv[1])) as store:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limit[1]))
    number = 0
    try:
        while True:
            store.examples.put(example(number, "x" * 3_000))
            number += 1
    except StoreWriteFailed as failure:
        print(failure, file=sys.stderr)
    assert len(store.examples) == number
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    store.examples.put(example(number, "there is room again"))
    print(number)
"""


def test_a_file_size_limit(folder: Path) -> None:
    """The kernel itself refuses a write in the middle (RLIMIT_FSIZE), in a process of its own."""
    assert resource.RLIMIT_FSIZE is not None
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "File too large" in done.stderr
    written = int(done.stdout)
    assert 3 <= written <= 6
    with Store.open(folder) as store:
        assert store.notes == ()
        assert len(store.examples) == written + 1


def test_folding_without_space(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folding that finds no room leaves everything as it was."""
    monkeypatch.setattr("store.journal.writer.SEGMENT_BYTES", 900)
    files = _DiskThatFills() if Path("/dev/full").exists() else pytest.skip("there is no /dev/full here")
    with Store.open(folder, files=files) as store:
        for number in range(10):
            store.examples.put(example(number % 3, f"{number}"))
        before = sorted(path.name for path in (folder / "journal").iterdir())
        files.full = True
        with pytest.raises(OSError, match="No space left"):
            store.fold()
        files.full = False
        assert sorted(path.name for path in (folder / "journal").iterdir()) == before
        assert store.fold() > 0
        expected = contents(store)
    with Store.open(folder) as store:
        assert contents(store) == expected
        assert store.notes == ()
