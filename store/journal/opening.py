"""Reading the journal into memory: replay of what is whole, salvage of what is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import orjson

from store.collector import without_collector
from store.errors import StoreTooNew
from store.files import Files
from store.journal.lines import (
    CRC_WIDTH,
    FIELDS,
    HEADER_NAME,
    MORE,
    NEWLINE,
    PUT_ONE,
    SCHEMA,
    TAB,
    Record,
    encode_record,
    lines_in_transaction,
)
from store.journal.salvage import salvage
from store.journal.segments import OpenSegment, Segment, fresh_header, open_all, read_header, segment_path
from store.memory import TableMemory
from store.migrations import migrate
from store.tables import indexes_of, keys_of

Tables = dict[str, TableMemory]

APPLY_LINES = 512
"""Lines gathered before they are applied: enough for the tight loop, few enough to stay in the cache."""


@dataclass(slots=True)
class Rewrite:
    """A segment that has to be written anew: it is damaged, or of an older version."""

    segment: Segment
    records: list[Record]
    """What could be read of it, as this version has it."""
    damaged: bool
    """False when the segment is only old."""
    lost: int
    """Pieces that could not be read."""


@dataclass(slots=True)
class Opened:
    """What the journal held."""

    tables: Tables
    segments: list[Segment] = field(default_factory=list)
    next_ordinal: int = 0
    torn_bytes: int = 0
    """Bytes at the end of `torn_segment` that were never acknowledged."""
    torn_segment: Segment | None = None
    rewrites: list[Rewrite] = field(default_factory=list)
    leftovers: list[Path] = field(default_factory=list)
    """Files whose content is already in another one, or that never got a header."""
    missing: list[tuple[int, int]] = field(default_factory=list)
    """Ranges of segment numbers that should be there and are not."""

    @property
    def documents(self) -> int:
        """How many documents there are in all tables."""
        return sum(len(table.raws) for table in self.tables.values())


def open_journal(files: Files, folder: Path) -> Opened:
    """Read all segments; nothing on the disk is changed. Raises StoreTooNew, OSError."""
    opened = Opened({})
    streams = open_all(files, folder)
    try:
        with without_collector():
            loader = _Loader(opened)
            for segment, stream, tail in _in_order(folder, streams, opened):
                loader.load(segment, stream, tail=tail)
                opened.segments.append(segment)
            for table in opened.tables.values():
                opened.next_ordinal = max(opened.next_ordinal, table.loaded() + 1)
    finally:
        for open_segment in streams:
            open_segment.stream.close()
    return opened


def _in_order(
    folder: Path, streams: list[OpenSegment], opened: Opened
) -> list[tuple[Segment, BinaryIO, bool]]:
    """Sort out which segments count, and mark the last one that holds records: only it can have a torn end."""
    counted: list[tuple[Segment, BinaryIO, bool]] = []
    covered = 0
    for position, (number, identity, stream) in enumerate(streams):
        path = segment_path(folder, number)
        header = read_header(stream, number)
        size = _size(stream)
        last = position == len(streams) - 1
        if number <= covered or (header is None and last and _never_used(stream, size)):
            # Folding several segments into one was cut off before it removed them, or the last one's making was.
            opened.leftovers.append(path)
            continue
        if header is not None and header.schema > SCHEMA:
            raise StoreTooNew(
                f"{path} was written by a newer version (schema {header.schema}, this one knows {SCHEMA}); "
                "nothing was changed; update JESSY Studio to open it"
            )
        if number > covered + 1:
            opened.missing.append((covered + 1, number - 1))
        header = header or fresh_header(number)
        covered = header.last
        counted.append((Segment(path, header, size, identity), stream, False))
    for position in range(len(counted) - 1, -1, -1):
        segment, stream, _ = counted[position]
        if position == 0 or _has_records(stream):
            counted[position] = (segment, stream, True)
            break
    return counted


HEADER_AT_MOST = 4096
"""Bytes; a header is about 80."""


def _never_used(stream: BinaryIO, size: int) -> bool:
    """Return whether a segment without a header holds no record either: it is on the disk before the first one."""
    if size > HEADER_AT_MOST:
        return False
    found = salvage(stream.read(), tail=True)
    stream.seek(0)
    return not found.records


def _size(stream: BinaryIO) -> int:
    size = stream.seek(0, 2)
    stream.seek(0)
    return size


def _has_records(stream: BinaryIO) -> bool:
    stream.readline()
    more = bool(stream.read(1))
    stream.seek(0)
    return more


class _Loader:
    """Brings segments into tables, one after the other."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    def load(self, segment: Segment, stream: BinaryIO, *, tail: bool) -> None:
        """Apply all of a segment; what has to be mended is noted in `opened`."""
        schema = segment.header.schema
        whole = self._replay(stream) if schema == SCHEMA else 0
        if whole == segment.size:
            return
        stream.seek(whole)
        rest = salvage(stream.read(), tail=tail)
        for record in migrated(rest.records, schema):
            self._table(record.table).load([encode_record(record, b"1").split(TAB, FIELDS - 1)])
        if rest.torn_bytes:
            self._opened.torn_bytes, self._opened.torn_segment = rest.torn_bytes, segment
        if rest.damaged or schema != SCHEMA:
            stream.seek(0)
            everything = migrated(salvage(stream.read(), tail=tail).records, schema)
            self._opened.rewrites.append(Rewrite(segment, everything, rest.damaged, rest.lost))

    def _replay(self, stream: BinaryIO) -> int:
        """Apply whole transactions up to the first line that cannot be read; return where they end, in bytes."""
        read: list[list[bytes]] = []
        offset = whole = begin = 0
        for line in stream:
            fields = line.split(TAB, FIELDS - 1)
            try:
                # `decode`, written out: the calls would cost a fifth of opening.
                if len(fields[6]) != CRC_WIDTH or crc32(line[: -CRC_WIDTH - 1]) != int(fields[6], 16):
                    break
            except (IndexError, ValueError):
                break
            if line[-1] != NEWLINE:
                break
            offset += len(line)
            read.append(fields)
            op = fields[0]
            if op not in MORE:
                lines = len(read) - begin
                if lines != (1 if op == PUT_ONE else lines_in_transaction(op)):
                    break
                begin, whole = len(read), offset
                if begin >= APPLY_LINES:
                    self._apply(read)
                    read, begin = [], 0
        self._apply(read[:begin])
        return whole

    def _apply(self, lines: list[list[bytes]]) -> None:
        """Apply the lines of whole transactions, those of one table together."""
        for name, group in groupby(lines, itemgetter(1)):
            if name != HEADER_NAME and name:
                self._table(name.decode()).load(group)

    def _table(self, name: str) -> TableMemory:
        table = self._opened.tables.get(name)
        if table is None:
            table = self._opened.tables[name] = TableMemory(name, indexes_of(name))
        return table


def migrated(records: list[Record], schema: int) -> list[Record]:
    """Return records of an older version as this version has them, with the indexed fields of this version."""
    if schema == SCHEMA:
        return records
    current: list[Record] = []
    for record in records:
        if record.raw is None:
            current.append(record)
            continue
        document = migrate(record.table, orjson.loads(record.raw), schema, SCHEMA)
        if document is not None:
            keys = orjson.dumps(keys_of(record.table, document))
            current.append(record._replace(keys=keys, raw=orjson.dumps(document)))
    return current
