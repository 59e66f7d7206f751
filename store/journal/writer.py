"""The writing end of the journal: one record appended and synced a transaction, and a new segment now and then."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path

from store.errors import StoreWriteFailed
from store.files import AppendHandle, Files
from store.journal.lines import (
    SCHEMA,
    SYNCED_LINE,
    Header,
    Record,
    encode_header,
    encode_record,
    encode_transaction,
    in_chunks,
)
from store.journal.segments import TEMPORARY, Segment, fresh_header, segment_path

SEGMENT_BYTES = 4 << 20
"""A segment that has grown past this is closed; small enough to be folded in a second."""


class JournalWriter:
    """Appends transactions to the last segment. Not safe for several threads: its owner locks."""

    def __init__(self, files: Files, folder: Path, segments: list[Segment]) -> None:
        """Continue after `segments`, the last of which ends with a whole transaction."""
        self._files = files
        self.folder = folder
        self.segments = segments
        self._handle: AppendHandle | None = None
        self._in_doubt = False
        if not segments or segments[-1].header.folded:
            self._begin_segment()
        else:
            self._handle = files.append_to(segments[-1].path)

    @property
    def size(self) -> int:
        """Bytes of all segments together."""
        return sum(segment.size for segment in self.segments)

    @property
    def sealed(self) -> list[Segment]:
        """The segments that do not grow any more."""
        return self.segments[:-1]

    def commit(self, records: Sequence[Record]) -> None:
        """Return when all of `records` are on the disk, as one transaction.

        Raises StoreWriteFailed when they are not; the journal then ends where it ended before.
        """
        try:
            self._mend()
            if self.segments[-1].size >= SEGMENT_BYTES:
                # Without room for a new segment the old one goes on growing; the append below says what is wrong.
                with contextlib.suppress(OSError):
                    self._begin_segment()
            self._append(records)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._mend()
            raise StoreWriteFailed(
                f"the change was not written: {error.strerror or error}; everything before it is safe in "
                f"{self.folder}; make room or mend the disk, then do it again"
            ) from error

    def close(self) -> None:
        """Give the file back; everything acknowledged is on the disk already."""
        with contextlib.suppress(OSError):
            self._mend()
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    def _append(self, records: Sequence[Record]) -> None:
        segment, handle = self.segments[-1], self._open_handle()
        self._in_doubt = True
        written = 0
        for chunk in encode_transaction(records):
            handle.append(chunk)
            written += len(chunk)
        handle.sync()
        segment.size += written
        if len(records) > 1:
            # Not synced by itself: where it is on the disk, so is all before it, and damage there is no torn write.
            with contextlib.suppress(OSError):
                handle.append(SYNCED_LINE)
                segment.size += len(SYNCED_LINE)
                self._in_doubt = False
        else:
            self._in_doubt = False

    def _mend(self) -> None:
        """Cut off what a failed or interrupted write left behind its last whole transaction."""
        if self._in_doubt and self._handle is not None:
            self._handle.truncate(self.segments[-1].size)
            self._handle.sync()
            self._in_doubt = False

    def _open_handle(self) -> AppendHandle:
        if self._handle is None:
            raise StoreWriteFailed("the store is closed; open it again to write")
        return self._handle

    def _begin_segment(self) -> None:
        number = self.segments[-1].last + 1 if self.segments else 1
        path = segment_path(self.folder, number)
        if self._handle is not None:
            self._handle.sync()  # for the last SYNCED_LINE: a closed segment has no torn end
        header = fresh_header(number)
        line = encode_header(header)
        handle = self._files.create(path)
        try:
            handle.append(line)
            handle.sync()
            self._files.sync_folder(self.folder)
        except BaseException:
            handle.close()
            with contextlib.suppress(OSError):
                self._files.remove(path)
            raise
        if self._handle is not None:
            self._handle.close()
        self._handle = handle
        self.segments.append(Segment(path, header, len(line)))


def write_segment(
    files: Files, path: Path, header: Header, lines: Iterable[bytes], *, each_synced: bool = False
) -> Generator[int, None, None]:
    """Write a whole segment beside `path` and give it that name at the end, durably.

    Yields the bytes written so far after each piece, so that the caller can pause or give up by closing the
    generator. With `each_synced` no piece waits in the system's cache, where it would delay others' syncs.
    """
    temporary = path.with_suffix(TEMPORARY)
    handle = files.create(temporary)
    written = 0
    try:
        pieces = in_chunks(lines, PIECE_BYTES)
        for piece in _after(encode_header(header), pieces):
            handle.append(piece)
            written += len(piece)
            if each_synced:
                handle.sync()
            yield written
        handle.sync()
        files.replace(temporary, path)
        files.sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            files.remove(temporary)
        raise
    finally:
        handle.close()


PIECE_BYTES = 64 * 1024


def _after(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def rewrite_segment(files: Files, segment: Segment, records: Iterable[Record]) -> Segment:
    """Replace a segment by one with these records, each a transaction of its own, and return it."""
    header = Header(SCHEMA, segment.first, segment.last, folded=True, origin=segment.header.origin)
    size = 0
    lines = (encode_record(record, b"1") for record in records)
    for written in write_segment(files, segment.path, header, lines):
        size = written
    return Segment(segment.path, header, size)
