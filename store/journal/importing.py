"""Version 1 of the store: the one file of plain TinyDB becomes the first segment of the journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from store.errors import StoreError
from store.files import Files
from store.journal.lines import SCHEMA, Header, Record, encode_record
from store.journal.segments import read_header, segment_numbers, segment_path
from store.journal.writer import write_segment
from store.migrations import migrate
from store.places import PLAIN
from store.tables import keys_of

KEPT_AS = "db.json.version-1"


def import_plain(files: Files, folder: Path, journal: Path) -> tuple[str, ...]:
    """Take over `db.json`, if there is one, and return a note about it.

    A crash in the middle leaves either the old file alone or the journal complete; both are recognised.
    Raises StoreError when the file is not TinyDB's, and when there is a journal that did not come from it.
    """
    plain = folder / PLAIN
    if not files.exists(plain):
        return ()
    numbers = segment_numbers(files, journal)
    if not numbers:
        count = _write(files, plain, segment_path(journal, 1))
    elif _came_from_plain(files, journal, numbers[0]):
        count = None
    else:
        raise StoreError(
            f"{folder} has both a journal and {PLAIN}, which is not part of it; nothing was changed; "
            f"move {PLAIN} elsewhere to open the journal"
        )
    files.replace(plain, folder / KEPT_AS)
    files.sync_folder(folder)
    what = f"{count} documents" if count is not None else "The documents"
    return (f"{what} of {PLAIN} (version 1) were taken over; the file was kept as {KEPT_AS}.",)


def _write(files: Files, plain: Path, path: Path) -> int:
    with files.read(plain) as stream:
        text = stream.read()
    try:
        tables = orjson.loads(text) if text.strip() else {}
        records = list(_records(tables))
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise StoreError(f"{plain} is not a TinyDB file ({error}); nothing was changed") from error
    header = Header(SCHEMA, 1, 1, folded=True, origin=PLAIN)
    for _ in write_segment(files, path, header, (encode_record(record, b"1") for record in records)):
        pass
    return len(records)


def _records(tables: dict[str, dict[str, dict[str, Any]]]) -> Iterator[Record]:
    ordinal = 0
    for table, documents in tables.items():
        for number, document in documents.items():
            migrated = migrate(table, {"doc_id": number, **document}, 1, SCHEMA)
            if migrated is None:
                continue
            keys = orjson.dumps(keys_of(table, migrated))
            yield Record(table, migrated["id"], ordinal, keys, orjson.dumps(migrated))
            ordinal += 1


def _came_from_plain(files: Files, journal: Path, number: int) -> bool:
    with files.read(segment_path(journal, number)) as stream:
        header = read_header(stream, number)
    return header is not None and header.origin == PLAIN
