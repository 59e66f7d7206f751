"""The power goes at every single operation of the disk: what was acknowledged is there, nothing is half there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from store.database import Store
from store.errors import StoreError
from tests.unit.store.disk import FATES, FadingDisk, Fate, PowerLoss, disk_with
from tests.unit.store.samples import contents, example

DB = Path("/workspace/db")
State = dict[str, str]
Work = Callable[[Store], None]

pytestmark = pytest.mark.usefixtures("small_segments")


def _put(*numbers: int, text: str = "") -> Work:
    return lambda store: store.examples.put_many([example(number, text) for number in numbers])


def _delete(number: int) -> Work:
    return lambda store: store.examples.delete(example(number).id) and None


def _fold(store: Store) -> None:
    store.fold()


def _several(*works: Work) -> Work:
    def together(store: Store) -> None:
        with store.transaction():
            for work in works:
                work(store)

    return together


WORK: tuple[Work, ...] = (
    _put(1),
    _put(2, 3, 4),
    _put(1, text="ikinci"),
    _delete(2),
    _put(5, 6, 7, 8, 9, 10),
    _several(_put(3, text="üçüncü"), _delete(4), _put(11)),
    _put(1, text="again"),
    _fold,
    _put(12),
    _delete(5),
    _put(6, 7, text="other"),
    _delete(1),
    _fold,
    _put(1, text="back"),
    _delete(12),
    _fold,
    _put(13),
)


def _states(works: tuple[Work, ...] = WORK) -> list[State]:
    """Return what the store must hold before the first and after each piece of work."""
    states: list[State] = [{}]
    with Store.open(DB, files=FadingDisk()) as store:
        for work in works:
            work(store)
            states.append(contents(store))
    return states


def _work_until_dark(disk: FadingDisk, works: tuple[Work, ...] = WORK) -> int:
    """Return how many pieces of work were acknowledged before the power went."""
    acknowledged = 0
    try:
        store = Store.open(DB, files=disk)
        for work in works:
            work(store)
            acknowledged += 1
        store.close()
    except PowerLoss:
        pass
    return acknowledged


def _moments(works: tuple[Work, ...] = WORK) -> Iterator[tuple[int, FadingDisk, int]]:
    """Yield each operation at which the power can go, the disk at that moment and the work acknowledged."""
    whole = FadingDisk()
    _work_until_dark(whole, works)
    for moment in range(1, whole.operations + 1):
        disk = FadingDisk(moment)
        yield moment, disk, _work_until_dark(disk, works)


def _check(disk: FadingDisk, allowed: list[State], where: str) -> None:
    """Open what was found: an allowed state, the same again, and good for more work."""
    with Store.open(DB, files=disk) as store:
        found = contents(store)
        assert found in allowed, f"{where}: {found} is neither of {allowed}"
        assert store.counts.total == len(found)
        assert not any("damaged" in note or "missing" in note for note in store.notes), (
            f"{where}: {store.notes}"
        )
        store.examples.put(example(99))
    with Store.open(DB, files=disk) as store:
        assert contents(store) == {**found, example(99).id: contents(store)[example(99).id]}, where
        assert store.notes == (), where


def _lose_power_everywhere(fates: Sequence[Fate]) -> None:
    states = _states()
    for moment, disk, acknowledged in _moments():
        allowed = states[acknowledged : acknowledged + 2]
        for fate in fates:
            where = f"power lost at operation {moment} ({disk.log[-1]}), {fate.name} kept"
            _check(disk.after_power_loss(fate), allowed, where)


def test_every_operation() -> None:
    _lose_power_everywhere(FATES)


def test_again_while_recovering() -> None:
    """The power goes a second time, at every operation of the recovery from the first time."""
    states = _states()
    recoveries = 0
    for moment, disk, acknowledged in _moments():
        allowed = states[acknowledged : acknowledged + 2]
        for fate in FATES[3:]:
            calm = disk.after_power_loss(fate)
            Store.open(DB, files=calm).close()
            for second in range(1, calm.operations + 1):
                recovering = disk.after_power_loss(fate, lose_at=second)
                with pytest.raises(PowerLoss):
                    Store.open(DB, files=recovering)
                recoveries += 1
                for later in (FATES[0], FATES[4]):
                    where = f"operation {moment} ({disk.log[-1]}), then {second} ({recovering.log[-1]})"
                    with Store.open(DB, files=recovering.after_power_loss(later)) as store:
                        assert contents(store) in allowed, where
    assert recoveries > 100


def test_the_layer_forgets() -> None:
    """The tests' own disk: without syncs, nothing survives."""
    disk = FadingDisk()
    disk.make_folder(DB)
    handle = disk.create(DB / "file")
    handle.append(b"bytes")
    assert disk.after_power_loss(FATES[0]).names(DB) == []
    disk.sync_folder(DB)
    assert disk.after_power_loss(FATES[0]).read(DB / "file").read() == b""
    handle.sync()
    handle.append(b"more")
    assert disk.after_power_loss(FATES[0]).read(DB / "file").read() == b"bytes"
    assert disk.after_power_loss(FATES[5]).read(DB / "file").read() == b"bytes\0\0re"


@pytest.mark.parametrize("left_out", ["MemoryHandle.sync", "FadingDisk.sync_folder"])
def test_a_store_that_does_not_sync_is_found_out(monkeypatch: pytest.MonkeyPatch, left_out: str) -> None:
    """The test above can fail: leave out one kind of sync, and it does."""
    monkeypatch.setattr(f"tests.unit.store.disk.{left_out}", lambda *_: None)
    with pytest.raises((AssertionError, StoreError)):
        _lose_power_everywhere(FATES)


def test_taking_over_version_1() -> None:
    """The old file is imported as a whole, at whatever moment the power goes, and only once."""
    plain = b'{"examples": {"1": {"category": "technical", "messages": [{"role": "user", "content": "a"}]}}}'

    def fresh(lose_at: int | None = None) -> FadingDisk:
        disk = disk_with({DB / "db.json": plain})
        disk.lose_at = lose_at
        return disk

    calm = fresh()
    with Store.open(DB, files=calm) as store:
        expected = contents(store)
        assert list(expected.values()) == ["a"]
    for moment in range(1, calm.operations + 1):
        disk = fresh(moment)
        with pytest.raises(PowerLoss):
            Store.open(DB, files=disk)
        for fate in FATES:
            with Store.open(DB, files=disk.after_power_loss(fate)) as store:
                assert contents(store) == expected, f"{disk.log[-1]}, {fate.name}"


def test_restoring(tmp_path: Path) -> None:
    """A restore is there as a whole or not at all."""
    from store.archive import read_archive

    archive = tmp_path / "backup"
    with Store.open(DB, files=FadingDisk()) as store:
        _put(1, 2, 3, 4, 5)(store)
        restored = contents(store)
        store.backup(archive)

    def fresh() -> FadingDisk:
        disk = FadingDisk()
        with Store.open(DB, files=disk) as store:
            _put(7, 8)(store)
        disk.operations = 0
        return disk

    calm = fresh()
    before = {example(n).id: example(n).messages[-1].content for n in (7, 8)}
    read_archive(archive, DB, calm)
    seen = []
    for moment in range(1, calm.operations + 1):
        disk = fresh()
        disk.lose_at = moment
        with pytest.raises(PowerLoss):
            read_archive(archive, DB, disk)
        for fate in FATES:
            with Store.open(DB, files=disk.after_power_loss(fate)) as store:
                found = contents(store)
                assert found in (before, restored), f"{disk.log[-1]}, {fate.name}: {found}"
                seen.append(found == restored)
    assert True in seen
    assert False in seen
