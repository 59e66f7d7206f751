r"""One line of the journal: what it says and how it proves itself whole.

    op \t table \t id \t ordinal \t keys \t json \t crc32 \n

`op` is `p` (put) or `d` (delete) followed by `+` when more lines of the same transaction follow, or by the
number of lines in the transaction when this is its last. `keys` is a JSON array of the indexed fields, so that
opening a store parses no documents. JSON has no raw tabs or newlines, so both separate safely. The checksum is
eight hexadecimal digits over everything before its tab.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

import orjson

SCHEMA = 2
"""Version of the documents and of this format; see store/migrations.py."""

TAB = b"\t"
FIELDS = 7
CRC_WIDTH = 9
"""Bytes after the last tab: eight digits and the newline."""
CHUNK_BYTES = 256 * 1024

PUT_ONE = b"p1"
MORE = frozenset((b"p+", b"d+"))
HEADER = b"#"
HEADER_NAME = b"jessy-store"
NEWLINE = 10
SYNCED = b"="


class Record(NamedTuple):
    """A document as it is written: its place, its indexed fields and its JSON; `raw` None says that it is gone."""

    table: str
    id: str
    ordinal: int
    keys: bytes
    raw: bytes | None


class Header(NamedTuple):
    """The first line of a segment: which numbers it covers, whether it was folded, what it was imported from."""

    schema: int
    first: int
    last: int
    folded: bool
    origin: str = ""


def seal(body: bytes) -> bytes:
    """Return `body` as a whole line, with its checksum."""
    return b"%b\t%08x\n" % (body, crc32(body))


def encode_record(record: Record, op: bytes) -> bytes:
    """Return a record's line; `op` is `+` or the number of lines in its transaction."""
    table, id_, ordinal, keys, raw = record
    if raw is None:
        return seal(b"d%b\t%b\t%b\t%d\t\t" % (op, table.encode(), id_.encode(), ordinal))
    return seal(b"p%b\t%b\t%b\t%d\t%b\t%b" % (op, table.encode(), id_.encode(), ordinal, keys, raw))


def encode_transaction(records: Sequence[Record]) -> Iterator[bytes]:
    """Yield the lines of one transaction in pieces that are cheap to write; the last piece commits it."""
    count = len(records)
    last = b"%d" % count
    yield from in_chunks(
        encode_record(record, last if n == count else b"+") for n, record in enumerate(records, 1)
    )


def in_chunks(lines: Iterable[bytes], size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Join lines into pieces of at least `size` bytes, so that no single call holds the interpreter for long."""
    gathered: list[bytes] = []
    total = 0
    for line in lines:
        gathered.append(line)
        total += len(line)
        if total >= size:
            yield b"".join(gathered)
            gathered, total = [], 0
    if gathered:
        yield b"".join(gathered)


def encode_header(header: Header) -> bytes:
    """Return a segment's first line."""
    about = orjson.dumps({"folded": header.folded, "origin": header.origin})
    return seal(b"#\tjessy-store\t%d\t%d\t%d\t%b" % (header.schema, header.first, header.last, about))


SYNCED_LINE = seal(b"=\t\t\t\t\t")
"""Written after a long transaction was synced: it proves that damage before it is not a torn write."""


def decode(line: bytes) -> list[bytes] | None:
    """Return the seven fields of a whole line, or None when it is torn or damaged."""
    fields = line.split(TAB, FIELDS - 1)
    if len(fields) != FIELDS or len(fields[6]) != CRC_WIDTH:
        return None
    try:
        expected = int(fields[6], 16)
    except ValueError:
        return None
    return fields if crc32(line[: -CRC_WIDTH - 1]) == expected and line[-1] == NEWLINE else None


def decode_header(line: bytes) -> Header | None:
    """Return what a segment's first line says, or None when it is not a whole header."""
    fields = decode(line)
    if fields is None or fields[0] != HEADER or fields[1] != HEADER_NAME:
        return None
    about = orjson.loads(fields[5])
    return Header(
        int(fields[2]),
        int(fields[3]),
        int(fields[4]),
        bool(about.get("folded")),
        str(about.get("origin", "")),
    )


def lines_in_transaction(op: bytes) -> int:
    """Return how many lines a line with this `op` says its transaction has; 0 when it is not the last of one."""
    if op in (HEADER, SYNCED):
        return 1
    return int(op[1:]) if op[1:].isdigit() else 0


def to_record(fields: Sequence[bytes]) -> Record:
    """Return the record in a decoded put or delete line."""
    deleted = fields[0][:1] == b"d"
    return Record(
        fields[1].decode(), fields[2].decode(), int(fields[3]), fields[4], None if deleted else fields[5]
    )
