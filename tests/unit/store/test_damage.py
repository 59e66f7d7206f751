"""A journal that is cut, flipped or full of rubbish: what can be read is kept, and a note says what could not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from store.database import Store
from tests.unit.store.disk import FadingDisk, disk_with
from tests.unit.store.samples import contents, example

FIRST = "00000001.log"
DB = Path("/workspace/db")


def _journal(folder: Path) -> Path:
    return folder / "journal" / FIRST


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each line with its offset."""
    offset = 0
    for line in data.splitlines(keepends=True):
        yield offset, line
        offset += len(line)


@pytest.fixture
def written(folder: Path) -> bytes:
    """The journal of five examples put one by one."""
    with Store.open(folder) as store:
        for number in range(5):
            store.examples.put(example(number))
    return _journal(folder).read_bytes()


class Found(NamedTuple):
    """What opening a journal with certain bytes gave."""

    contents: dict[str, str]
    notes: tuple[str, ...]
    disk: FadingDisk


def _open_with(data: bytes) -> Found:
    disk = disk_with({_journal(DB): data})
    with Store.open(DB, files=disk) as store:
        return Found(contents(store), store.notes, disk)


def test_the_last_record_cut_at_every_byte(folder: Path, written: bytes) -> None:
    whole = {example(n).id for n in range(5)}
    last = list(_lines(written))[-1][0]
    for cut in range(last + 1, len(written)):
        found, notes, disk = _open_with(written[:cut])
        assert set(found) == whole - {example(4).id}, cut
        assert len(notes) == 1, cut
        assert f"({cut - last} bytes) and dropped" in notes[0]
        assert disk.read(_journal(DB)).read() == written[:last], "the torn end is cut off"
    assert set(_open_with(written[:last]).contents) == whole - {example(4).id}
    assert _open_with(written)[:2] == ({example(n).id: f"Çünkü {n}." for n in range(5)}, ())


def test_a_transaction_cut_anywhere(folder: Path) -> None:
    with Store.open(folder) as store:
        store.examples.put(example(0))
        size = _journal(folder).stat().st_size
        store.examples.put_many([example(n) for n in (1, 2, 3)])
    written = _journal(folder).read_bytes()
    commit = next(offset + len(line) for offset, line in _lines(written) if line.startswith(b"p3"))
    for cut in sorted({*range(size, len(written), 5), *range(commit - 3, len(written))}):
        found, notes, _ = _open_with(written[:cut])
        assert len(found) == (4 if cut >= commit else 1), cut
        assert len(notes) == (cut not in (size, commit)), cut


def test_a_flipped_bit_in_every_record(folder: Path, written: bytes) -> None:
    """Damage before the last record costs that record only; the file as it was found is kept."""
    records = [(offset, line) for offset, line in _lines(written) if line.startswith(b"p")]
    for number, (offset, line) in enumerate(records[:-1]):
        for place in {0, 1, 2, 5, len(line) // 2, len(line) - 10, len(line) - 9, len(line) - 2}:
            damaged = bytearray(written)
            damaged[offset + place] ^= 0x10 if place else 0x40
            found, notes, disk = _open_with(bytes(damaged))
            assert set(found) == {example(n).id for n in range(5)} - {example(number).id}, (number, place)
            assert "1 of its records could not be read and 4 were recovered" in notes[0]
            assert "the store has 4 documents" in notes[0]
            assert disk.read(DB / "damaged" / "00000001-1.log").read() == bytes(damaged)
            with Store.open(DB, files=disk) as store:
                assert store.notes == (), "it was mended the first time"
                assert set(contents(store)) == set(found)


def test_a_flipped_newline_costs_nothing(folder: Path, written: bytes) -> None:
    for offset, line in list(_lines(written))[1:-1]:
        damaged = bytearray(written)
        damaged[offset + len(line) - 1] ^= 0x20
        found, _, _ = _open_with(bytes(damaged))
        assert len(found) == 5


def test_a_flipped_bit_in_the_header_costs_nothing(folder: Path, written: bytes) -> None:
    for place in range(len(next(_lines(written))[1])):
        damaged = bytearray(written)
        damaged[place] ^= 0x04
        found, notes, _ = _open_with(bytes(damaged))
        assert len(found) == 5, place
        assert notes


def test_a_flipped_bit_in_the_last_transaction_costs_one_document(folder: Path) -> None:
    """A long transaction is followed by proof that it was synced, so that damage is not taken for a torn write."""
    with Store.open(folder) as store:
        store.examples.put_many([example(n) for n in range(20)])
    written = bytearray(_journal(folder).read_bytes())
    offset = next(offset for offset, line in _lines(bytes(written)) if example(7).id.encode() in line)
    written[offset + 80] ^= 1
    found, notes, _ = _open_with(bytes(written))
    assert set(found) == {example(n).id for n in range(20) if n != 7}
    assert "19 were recovered" in notes[0]


def test_damage_and_a_torn_end_together(folder: Path, written: bytes) -> None:
    offset = list(_lines(written))[2][0]
    damaged = bytearray(written[:-7])
    damaged[offset + 60] ^= 1
    found, notes, _ = _open_with(bytes(damaged))
    assert set(found) == {example(n).id for n in (0, 2, 3)}
    assert any("damaged" in note for note in notes)
    assert any("cut off" in note for note in notes)


def test_a_hole_of_zeros(folder: Path, written: bytes) -> None:
    """Some file systems leave the size and zeros where the last blocks were not written."""
    last = list(_lines(written))[-1][0]
    found, notes, _ = _open_with(written[:last] + bytes(4096))
    assert len(found) == 4
    assert "cut off" in notes[0]


@pytest.mark.parametrize("rubbish", [b"", b"\n\n\n", b"\x00" * 100, b"{}", bytes(range(256)) * 40])
def test_rubbish_instead_of_a_journal(rubbish: bytes) -> None:
    found, _, disk = _open_with(rubbish)
    assert found == {}
    with Store.open(DB, files=disk) as store:
        store.examples.put(example(1))
    with Store.open(DB, files=disk) as store:
        assert len(store.examples) == 1


@pytest.mark.usefixtures("small_segments")
def test_a_missing_segment_is_noticed(folder: Path) -> None:
    with Store.open(folder) as store:
        for number in range(8):
            store.examples.put(example(number))
    (folder / "journal" / "00000002.log").unlink()
    with Store.open(folder) as store:
        assert "00000002.log to 00000002.log of the journal are missing" in store.notes[0]
        assert 0 < len(store.examples) < 8


@pytest.mark.usefixtures("small_segments")
def test_damage_in_a_closed_segment(folder: Path) -> None:
    """The last record of a segment that others follow was acknowledged, so it is damaged, not torn."""
    with Store.open(folder) as store:
        for number in range(8):
            store.examples.put(example(number))
    first = _journal(folder)
    data = bytearray(first.read_bytes())
    data[-40] ^= 1
    first.write_bytes(data)
    with Store.open(folder, readonly=True) as reader:
        assert "damaged" in reader.notes[0]
    assert first.read_bytes() == data, "a reader mends nothing"
    with Store.open(folder) as store:
        assert len(store.examples) == 7
        assert "damaged" in store.notes[0]


def test_damaged_files_are_all_kept(folder: Path, written: bytes) -> None:
    for _ in range(2):
        data = bytearray(_journal(folder).read_bytes())
        data[data.index(b"messages")] ^= 1
        _journal(folder).write_bytes(data)
        Store.open(folder).close()
    assert sorted(path.name for path in (folder / "damaged").iterdir()) == [
        "00000001-1.log",
        "00000001-2.log",
    ]
