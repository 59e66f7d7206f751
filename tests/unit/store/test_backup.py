"""Backups: one moment, whole or not at all."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest

from store.database import Store
from store.errors import ArchiveDamaged, StoreLocked, StoreTooNew
from store.journal import lines
from store.live import AsyncStore
from store.models import JobRecord
from tests.unit.store.samples import contents, example


@pytest.fixture
def archive(store: Store, tmp_path: Path) -> Path:
    """A backup of twenty examples and a job."""
    store.examples.put_many([example(n) for n in range(20)])
    store.jobs.put(JobRecord(id="j", kind="train", folder="f"))
    store.examples.put(example(3, "changed"))
    target = tmp_path / "backup.jessy"
    assert store.backup(target) == 21
    return target


def test_there_and_back(store: Store, archive: Path, folder: Path, tmp_path: Path) -> None:
    expected, order = contents(store), store.examples.ids()
    store.examples.delete(example(3).id)
    store.examples.put(example(99))
    later = contents(store)
    with pytest.raises(StoreLocked):
        Store.restore(archive, folder)
    store.close()
    assert Store.restore(archive, folder) == 21
    with Store.open(folder) as restored:
        assert restored.notes == ()
        assert contents(restored) == expected
        assert restored.examples.ids() == order
        assert restored.examples.count(status="pending") == 20
        assert len(restored.jobs) == 1
    (folder / "journal").rename(tmp_path / "restored")
    (folder / "journal.before-restore-1").rename(folder / "journal")
    with Store.open(folder) as before:
        assert contents(before) == later, "what was there is kept beside it"


def test_into_an_empty_folder(archive: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert Store.restore(archive, tmp_path / "new" / "db") == 21
    with Store.open(tmp_path / "new" / "db") as restored:
        assert len(restored.examples) == 20


def test_a_damaged_backup_changes_nothing(store: Store, archive: Path, folder: Path) -> None:
    expected = contents(store)
    store.close()
    whole = archive.read_bytes()
    texts = [whole[:cut] for cut in range(0, len(whole), 37)]
    texts += [
        whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in range(10, len(whole), 41)
    ]
    plain = gzip.decompress(whole).splitlines(keepends=True)
    texts += [gzip.compress(b"".join(plain[:-1])), gzip.compress(b"".join(plain[:3] + plain[4:]))]
    texts += [gzip.compress(b""), b"", b"no backup", gzip.compress(b"{}\n")]
    for text in texts:
        archive.write_bytes(text)
        with pytest.raises(ArchiveDamaged, match="nothing was changed"):
            Store.restore(archive, folder)
        assert sorted(path.name for path in folder.iterdir()) == ["journal", "lock"]
    with Store.open(folder) as unchanged:
        assert contents(unchanged) == expected


def test_a_backup_of_a_newer_version(archive: Path, folder: Path, store: Store) -> None:
    store.close()
    header = lines.encode_header(lines.Header(lines.SCHEMA + 1, 1, 1, folded=True))
    archive.write_bytes(gzip.compress(header))
    with pytest.raises(StoreTooNew):
        Store.restore(archive, folder)


def test_a_failing_backup_leaves_the_last_one(store: Store, archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    with pytest.raises(FileNotFoundError):
        store.backup(tmp_path / "nowhere" / "backup")
    store.backup(archive)
    assert archive.read_bytes() == whole, "the same documents make the same file"
    assert not list(tmp_path.glob("*.tmp"))


async def test_one_moment_while_jobs_write(folder: Path, tmp_path: Path) -> None:
    """Every transaction writes one version into five documents; a backup has five equal ones."""
    store = await AsyncStore.open(folder)
    versions = []
    for version in range(12):

        def write(opened: Store, version: int = version) -> None:
            opened.examples.put_many([example(n, f"{version}") for n in range(5)])

        writing = store.write(write)
        if version % 3 == 1:
            target = tmp_path / f"{version}"
            await asyncio.gather(writing, store.backup(target))
            Store.restore(target, tmp_path / f"restored-{version}")
            with Store.open(tmp_path / f"restored-{version}") as restored:
                found = set(contents(restored).values())
                assert len(found) == 1
                versions.append(int(found.pop()))
        else:
            await writing
    await store.close()
    assert versions == sorted(versions)
    assert len(versions) == 4
