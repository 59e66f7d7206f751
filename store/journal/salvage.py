"""Reading on after a line that does not prove itself: what was torn, what was damaged, what can be kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from store.journal.lines import CRC_WIDTH, FIELDS, HEADER, SYNCED, TAB, Record, decode, to_record


@dataclass(slots=True)
class Salvage:
    """What the rest of a segment holds, from the first line on that could not be read."""

    records: list[Record] = field(default_factory=list)
    """Every record that proves itself and belongs to an acknowledged transaction, in order."""
    damaged: bool = False
    """Something before the end is not as it was written, even if no record is lost by it."""
    lost: int = 0
    """Pieces before the end that could not be read."""
    torn_bytes: int = 0
    """Bytes of a last transaction that was never acknowledged; 0 when the file ends cleanly."""


def salvage(data: bytes, *, tail: bool) -> Salvage:
    """Read what can be read of `data`, which begins at a transaction's first line.

    With `tail`, `data` ends where the journal ends: what follows the last whole transaction was being written
    when the power went and is dropped as a whole. Without it, everything here was acknowledged once.
    """
    lines = _lines(data)
    pieces = [piece for line in lines for piece in _unstick(line)]
    boundary = _acknowledged(pieces) if tail else len(pieces)
    kept = pieces[:boundary]
    torn = sum(size for _, size in pieces[boundary:])
    found = Salvage(damaged=len(pieces) > len(lines) and torn < len(data), torn_bytes=torn)
    for fields, _ in kept:
        if fields is None:
            found.damaged = True
            found.lost += 1
        elif fields[0] not in (HEADER, SYNCED):
            found.records.append(to_record(fields))
    return found


Piece = tuple[list[bytes] | None, int]


def _lines(data: bytes) -> list[bytes]:
    parts = data.split(b"\n")
    lines = [part + b"\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def _unstick(line: bytes) -> list[Piece]:
    """Return the pieces of a line; more than one when the newline between two of them was damaged."""
    whole = decode(line)
    if whole is not None:
        return [(whole, len(line))]
    fields = line.split(TAB, FIELDS - 1)
    if len(fields) == FIELDS and len(fields[6]) > CRC_WIDTH:
        body = len(line) - len(fields[6]) - 1
        mended = line[: body + CRC_WIDTH] + b"\n"
        first = decode(mended)
        if first is not None:
            return [(first, len(mended)), *_unstick(line[len(mended) :])]
    return [(None, len(line))]


def _acknowledged(pieces: list[Piece]) -> int:
    """Return how many pieces, from the first, belong to transactions that were certainly acknowledged."""
    boundary = 0
    run = 0
    for index, (fields, _) in enumerate(pieces, 1):
        op = fields[0] if fields is not None else b"?"
        if op == SYNCED:
            boundary, run = index, 0
        elif op[1:] == b"+":
            run += 1
        elif op[1:].isdigit():
            if run + 1 >= int(op[1:]):
                boundary = index
            run = 0
        else:
            run = 0
    return boundary
