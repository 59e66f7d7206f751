"""Exports as they are downloaded: zips, of which the conversations are read and nothing is unpacked."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from studio.jobs.collect.archive import logs
from studio.jobs.collect.cut import Cut, cut_file
from studio.jobs.collect.files import Named
from studio.jobs.collect.pieces import Skipped
from studio.jobs.collect.reading import Found, stamp

AWS = "AKIA" + "IOSFODNN7EXAMPLA"


def conversations(*questions: str) -> str:
    return json.dumps(
        [
            {
                "name": "x",
                "chat_messages": [{"sender": "human", "text": text}, {"sender": "assistant", "text": "a"}],
            }
            for text in questions
        ]
    )


def zipped(folder: Path, files: dict[str, str | bytes], name: str = "export.zip") -> Named:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for inner, content in files.items():
            archive.writestr(inner, content)
    return Named("conversations", ".", name, str(folder / name), local_only=True)


def read(named: Named) -> Cut:
    found = stamp(named)
    assert isinstance(found, Found)
    made = cut_file(found)
    assert not isinstance(made, Skipped)
    return made[1]


def test_only_conversations_are_read_and_nothing_is_unpacked(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "conversations.json": conversations("one", f"key {AWS}"),
        "part/conversations-001.json": conversations("two"),
        "users.json": json.dumps([{"email_address": "me@home.io"}]),
        "picture.png": b"\0" * 100,
        "__MACOSX/conversations.json": b"\0junk",
        "../conversations.json": conversations("three"),
    }
    named = zipped(tmp_path, files)
    made = read(named)
    assert [piece.messages[0].content for piece in made.pieces] == ["one", "two", "three"]
    assert [(held.path, held.kind) for held in made.held] == [
        ("export.zip/conversations.json", "AWS Access Key")
    ]
    assert made.skipped == []
    assert list(tmp_path.iterdir()) == [tmp_path / "export.zip"]
    assert not (tmp_path.parent / "conversations.json").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"no zip at all"])
def test_what_is_no_zip_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    made = read(Named("c", ".", "x.zip", str(tmp_path / "x.zip"), local_only=False))
    assert (made.pieces, len(made.skipped)) == ([], 1)
    assert "no zip" in made.skipped[0].reason


def test_a_zip_without_conversations_is_told(tmp_path: Path) -> None:
    assert "without conversations" in read(zipped(tmp_path, {"a.txt": "x"})).skipped[0].reason


def test_a_small_zip_that_holds_very_much_is_not_unpacked(tmp_path: Path) -> None:
    named = zipped(
        tmp_path, {"conversations.json": b" " * 3_000_000, "b.jsonl": '{"input": "q", "output": "a"}'}
    )
    found = list(logs(Path(named.place), "export.zip", 1_000_000))
    assert found[0] == Skipped("export.zip/conversations.json", "more than 1 MB")
    assert found[1] == ("export.zip/b.jsonl", b'{"input": "q", "output": "a"}')


def test_a_damaged_member_costs_no_other(tmp_path: Path) -> None:
    named = zipped(
        tmp_path,
        {"conversations.json": conversations("one" * 200), "b.jsonl": '{"input": "q", "output": "a"}'},
    )
    place = Path(named.place)
    raw = bytearray(place.read_bytes())
    raw[70:90] = b"\xff" * 20
    place.write_bytes(raw)
    made = read(named)
    assert [piece.messages[0].content for piece in made.pieces] == ["q"]
    assert [fault.path for fault in made.skipped] == ["export.zip/conversations.json"]
