"""Backups: all documents of one moment in one compressed file, in the lines of the journal."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from store.errors import ArchiveDamaged, StoreTooNew
from store.files import AppendHandle, Files
from store.journal.lines import (
    SCHEMA,
    Header,
    Record,
    decode,
    decode_header,
    encode_header,
    encode_record,
    in_chunks,
    seal,
)
from store.journal.segments import TEMPORARY, segment_path
from store.journal.writer import SEGMENT_BYTES, write_segment
from store.memory import TableSnapshot
from store.places import LOCK, PARTIAL, finish_restore, put_restored_in_place

LEVEL = 1
"""Of gzip: conversations shrink to a third at any level, and a backup should not take minutes."""
END = b"end"


def write_archive(tables: Sequence[TableSnapshot], target: Path, files: Files | None = None) -> int:
    """Write a backup to `target`, replacing one that is there, and return the number of documents.

    It is written beside the target and gets its name when it is whole and on the disk. Raises OSError.
    """
    files = files or Files()
    temporary = target.with_name(target.name + TEMPORARY)
    handle = files.create(temporary)
    try:
        documents = _write_lines(handle, tables)
        handle.sync()
        files.replace(temporary, target)
        files.sync_folder(target.parent)
    except BaseException:
        files.remove(temporary)
        raise
    finally:
        handle.close()
    return documents


def _write_lines(handle: AppendHandle, tables: Sequence[TableSnapshot]) -> int:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    documents = sum(len(table.raws) for table in tables)

    def lines() -> Iterator[bytes]:
        yield encode_header(Header(SCHEMA, 1, 1, folded=True))
        for name, raws, codes, ordinals, encoded in tables:
            for id_, raw in raws.items():
                yield encode_record(Record(name, id_, ordinals[id_], encoded[codes[id_]], raw), b"1")
        yield seal(b"%b\t\t\t%d\t\t" % (END, documents))

    for chunk in in_chunks(lines()):
        handle.append(packer.compress(chunk))
    handle.append(packer.flush())
    return documents


def read_archive(archive: Path, folder: Path, files: Files | None = None) -> int:
    """Put the documents of a backup in place of those in `folder` and return how many there are.

    Raises ArchiveDamaged and StoreTooNew before anything in place is touched, StoreLocked, OSError.
    """
    files = files or Files()
    files.make_folder(folder)
    lock = files.lock(folder / LOCK)
    try:
        finish_restore(files, folder)
        partial = folder / PARTIAL
        files.make_folder(partial)
        try:
            documents = _unpack(archive, partial, files)
        except BaseException:
            finish_restore(files, folder)
            raise
        put_restored_in_place(files, folder)
    finally:
        lock.close()
    return documents


def _unpack(archive: Path, journal: Path, files: Files) -> int:
    """Write the lines of a backup as segments, each checked, and return the number of documents."""
    checked = _Checked(archive)
    number = 1
    while lines := checked.next_segment():
        header = Header(checked.schema, number, number, folded=True)
        for _ in write_segment(files, segment_path(journal, number), header, lines):
            pass
        number += 1
    return checked.documents


class _Checked:
    """Reads a backup and lets only whole lines through."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._lines = self._read()
        self.documents = 0
        self.schema = SCHEMA
        self.schema = self._header(next(self._lines, b""))

    def next_segment(self) -> list[bytes]:
        """Return the lines of the next segment; none after the last."""
        gathered: list[bytes] = []
        size = 0
        for line in self._lines:
            gathered.append(line)
            size += len(line)
            if size >= SEGMENT_BYTES:
                break
        return gathered

    def _header(self, line: bytes) -> int:
        header = decode_header(line)
        if header is None:
            raise ArchiveDamaged(f"{self._archive} is not a backup of JESSY Studio; nothing was changed")
        if header.schema > SCHEMA:
            raise StoreTooNew(
                f"{self._archive} was written by a newer version (schema {header.schema}, this one knows "
                f"{SCHEMA}); nothing was changed; update JESSY Studio to restore it"
            )
        return header.schema

    def _read(self) -> Iterator[bytes]:
        try:
            with gzip.open(self._archive) as stream:
                yield stream.readline()
                ended = False
                for line in stream:
                    fields = decode(line)
                    if fields is None or ended:
                        break
                    if fields[0] == END:
                        # Read on all the same: gzip's own checksum comes at the very end.
                        ended = int(fields[3]) == self.documents
                        continue
                    self.documents += 1
                    yield line
                else:
                    if ended:
                        return
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ArchiveDamaged(self._broken()) from error
        raise ArchiveDamaged(self._broken())

    def _broken(self) -> str:
        return (
            f"{self._archive} is damaged after {self.documents} documents; nothing was restored from it and "
            "nothing was changed; use another backup"
        )
