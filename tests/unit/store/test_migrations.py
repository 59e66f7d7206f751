"""A database of every older version opens, becomes one of this version, and stays one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from store import migrations
from store.database import Store
from store.errors import StoreError, StoreTooNew
from store.journal import lines
from store.models import Status

FIXTURES = Path(__file__).parents[2] / "fixtures" / "store"
TURKISH = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"


def _copy(version: int, folder: Path) -> None:
    shutil.copytree(FIXTURES / f"version-{version}", folder)


def test_there_is_a_database_of_every_version() -> None:
    expected = [f"version-{n}" for n in range(1, lines.SCHEMA + 1)]
    assert sorted(path.name for path in FIXTURES.iterdir()) == expected
    assert sorted(migrations.MIGRATIONS) == list(range(1, lines.SCHEMA))


def test_version_1(folder: Path) -> None:
    _copy(1, folder)
    with Store.open(folder) as store:
        assert store.notes == (
            "4 documents of db.json (version 1) were taken over; the file was kept as db.json.version-1.",
        )
        turkish = store.examples.get(TURKISH)
        assert turkish is not None
        assert turkish.messages[1].content.endswith("Hadi deneyelim! ✨")
        assert turkish.status is Status.ACCEPTED
        assert store.counts.by_status == {"pending": 1, "accepted": 1, "rejected": 1, "flagged": 0}
        assert [example.category for example in store.examples] == ["turkish", "technical", "technical"]
        assert next(iter(store.chat_sessions)).turns[0].content == "selam"
        ids = store.examples.ids()
    with Store.open(folder) as store:
        assert store.notes == ()
        assert store.examples.ids() == ids
    assert (folder / "db.json.version-1").read_bytes() == (FIXTURES / "version-1" / "db.json").read_bytes()
    shutil.rmtree(folder)
    _copy(1, folder)
    with Store.open(folder) as store:
        assert store.examples.ids() == ids, "a document without an id gets the same one at every attempt"


def test_version_2(folder: Path) -> None:
    _copy(2, folder)
    with Store.open(folder) as store:
        assert store.notes == ()
        turkish = store.examples.get(TURKISH)
        assert turkish is not None
        assert turkish.decisions[0].who == "person"
        assert store.examples.ids() == [TURKISH, f"{1:032x}", f"{3:032x}"]
        assert store.examples.ids(status="accepted", recipe="turkish") == [TURKISH]
        job = store.jobs.get("j1")
        assert job is not None
        assert job.ingested == 12


def _to_3(table: str, document: dict[str, Any]) -> dict[str, Any] | None:
    """A migration such as a later version may need: a renamed category, a table's documents dropped."""
    if table == "jobs":
        return None
    if document.get("category") == "technical":
        return {**document, "category": "engineering"}
    return document


@pytest.fixture
def version_3(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program of the day after tomorrow."""
    later: Mapping[int, Any] = {**migrations.MIGRATIONS, 2: _to_3}
    monkeypatch.setattr(migrations, "MIGRATIONS", later)
    for module in ("lines", "opening", "segments", "writer", "folding", "importing"):
        monkeypatch.setattr(f"store.journal.{module}.SCHEMA", 3)


@pytest.mark.usefixtures("version_3")
@pytest.mark.parametrize("version", [1, 2])
def test_a_later_version(folder: Path, version: int) -> None:
    """Documents, indexed fields and files are brought up; what is written after stands in the same journal."""
    _copy(version, folder)
    with Store.open(folder, readonly=True) as reader:
        if version == 2:
            assert reader.examples.count(category="engineering") == 2
    with Store.open(folder) as store:
        assert store.examples.count(category="engineering") == 2
        assert store.examples.count(category="technical") == 0
        assert len(store.jobs) == 0
        turkish = store.examples.get(TURKISH)
        assert turkish is not None
        store.examples.put(turkish.model_copy(update={"note": "after"}))
    headers = [path.read_bytes().split(b"\n")[0] for path in sorted((folder / "journal").iterdir())]
    assert all(b"\tjessy-store\t3\t" in header for header in headers)
    with Store.open(folder) as store:
        assert store.notes == ()
        assert store.examples.count(category="engineering") == 2
        assert store.examples.find(note="after")[0].id == TURKISH


def test_a_newer_version_is_not_touched(folder: Path) -> None:
    (folder / "journal").mkdir(parents=True)
    newer = lines.encode_header(lines.Header(lines.SCHEMA + 1, 1, 1, folded=False))
    segment = folder / "journal" / "00000001.log"
    segment.write_bytes(newer)
    for readonly in (True, False):
        with pytest.raises(StoreTooNew, match="newer version"):
            Store.open(folder, readonly=readonly)
    assert segment.read_bytes() == newer
    segment.unlink()
    Store.open(folder).close()


@pytest.mark.parametrize(
    "rubbish", [b"{", b"[1]", b'{"examples": 3}', b'{"examples": {"1": "text"}}', b"\xff"]
)
def test_a_plain_file_that_is_not_tinydb(folder: Path, rubbish: bytes) -> None:
    folder.mkdir()
    plain = folder / "db.json"
    plain.write_bytes(rubbish)
    with pytest.raises(StoreError, match="not a TinyDB file"):
        Store.open(folder)
    assert plain.read_bytes() == rubbish


def test_a_plain_file_beside_a_journal(folder: Path) -> None:
    Store.open(folder).close()
    (folder / "db.json").write_bytes(orjson.dumps({}))
    with pytest.raises(StoreError, match="not part of it"):
        Store.open(folder)
