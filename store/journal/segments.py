"""The files of the journal: their names, their order and which of them another one replaces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from store.files import Files
from store.journal.lines import SCHEMA, Header, decode_header

SUFFIX = ".log"
TEMPORARY = ".tmp"
DAMAGED = "damaged"


@dataclass(slots=True)
class Segment:
    """A file of the journal. Only the last one grows; the others change by being replaced whole."""

    path: Path
    header: Header
    size: int
    """In bytes."""
    identity: int | None = None
    """Of the file as it was read, to notice that it has been replaced since."""

    @property
    def first(self) -> int:
        """The lowest segment number whose records are in here."""
        return self.header.first

    @property
    def last(self) -> int:
        """The highest segment number whose records are in here; more than `first` after folding several into one."""
        return self.header.last


def segment_path(folder: Path, number: int) -> Path:
    """Return where the segment beginning with `number` is."""
    return folder / f"{number:08d}{SUFFIX}"


def segment_numbers(files: Files, folder: Path) -> list[int]:
    """Return the numbers of the segments that are there, ascending."""
    stems = [name[: -len(SUFFIX)] for name in files.names(folder) if name.endswith(SUFFIX)]
    return sorted(int(stem) for stem in stems if stem.isdigit())


class OpenSegment(NamedTuple):
    """A segment's file, open for reading."""

    number: int
    identity: int | None
    stream: BinaryIO


def open_all(files: Files, folder: Path) -> list[OpenSegment]:
    """Open all segments at one consistent moment, while another process may be folding them."""
    while True:
        numbers = segment_numbers(files, folder)
        before = [files.identity(segment_path(folder, number)) for number in numbers]
        opened: list[OpenSegment] = []
        try:
            for number, identity in zip(numbers, before, strict=True):
                opened.append(OpenSegment(number, identity, files.read(segment_path(folder, number))))
            after = [files.identity(segment_path(folder, number)) for number in numbers]
            if before == after and segment_numbers(files, folder) == numbers:
                return opened
        except FileNotFoundError:
            pass
        for segment in opened:
            segment.stream.close()


def read_header(stream: BinaryIO, number: int) -> Header | None:
    """Return the header at the start of a segment, or None when there is no whole one; rewinds the stream."""
    line = stream.readline()
    stream.seek(0)
    header = decode_header(line)
    return header if header is not None and header.first == number else None


def fresh_header(number: int, origin: str = "") -> Header:
    """Return the header of a segment that begins now."""
    return Header(SCHEMA, number, number, folded=False, origin=origin)
