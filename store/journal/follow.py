"""Reading a journal that another process writes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from store.files import Files
from store.journal.lines import CRC_WIDTH, HEADER, SYNCED, Record, decode, decode_header, to_record
from store.journal.opening import Opened, Tables, open_journal
from store.journal.recovery import describe
from store.journal.segments import segment_path
from store.memory import TableMemory
from store.tables import indexes_of


class _ReloadNeededError(Exception):
    """What was read last is no longer in the journal in that form: read all of it again."""


class Follower:
    """Keeps tables in memory in step with the journal. It changes nothing on the disk and takes no lock."""

    def __init__(self, files: Files, folder: Path) -> None:
        """Read the journal as it is now; an absent one is empty."""
        self._files = files
        self._folder = folder
        self._stream: BinaryIO | None = None
        self._number = 0
        self._offset = 0
        self._last_line = b""
        self._identity: int | None = None
        opened = self._load()
        self.tables: Tables = opened.tables
        self.notes = tuple(describe(opened))

    def close(self) -> None:
        """Let go of the file that is followed."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def refresh(self) -> Mapping[str, tuple[str, ...]]:
        """Take in what was written since; returns the ids that changed, by table."""
        changed: dict[str, dict[str, None]] = {}
        try:
            self._follow(changed)
        except _ReloadNeededError:
            return self._reload()
        return {name: tuple(ids) for name, ids in changed.items()}

    def _load(self) -> Opened:
        """Read everything and stand at the end of the last whole transaction."""
        while True:
            # Folding may replace the last segment just between reading and following it; it does so seldom.
            with suppress(_ReloadNeededError):
                return self._load_once()

    def _load_once(self) -> Opened:
        self.close()
        opened = open_journal(self._files, self._folder)
        self._number = self._offset = 0
        self._last_line = b""
        if opened.segments:
            tail = opened.segments[-1]
            self._number = tail.first
            self._offset = tail.size - (opened.torn_bytes if opened.torn_segment is tail else 0)
            self._stream, self._identity = self._open(self._number)
            if self._identity != tail.identity:
                raise _ReloadNeededError
            self._last_line = self._line_before(self._offset)
        return opened

    def _open(self, number: int) -> tuple[BinaryIO, int | None]:
        path = segment_path(self._folder, number)
        try:
            stream = self._files.read(path)
        except FileNotFoundError:
            raise _ReloadNeededError from None
        return stream, self._files.identity(path)

    def _follow(self, changed: dict[str, dict[str, None]]) -> None:
        while True:
            if self._stream is None:
                if not self._files.exists(segment_path(self._folder, self._number + 1)):
                    return
                raise _ReloadNeededError
            if self._files.identity(segment_path(self._folder, self._number)) != self._identity:
                raise _ReloadNeededError
            # Asked before reading: once the next segment is there, this one has got its last record.
            following = segment_path(self._folder, self._number + 1)
            sealed = self._files.exists(following)
            self._take_in(changed)
            if not sealed:
                return
            stream, identity = self._open(self._number + 1)
            header_line = stream.readline()
            header = decode_header(header_line)
            if header is None or header.folded:
                stream.close()
                raise _ReloadNeededError
            self.close()
            self._stream, self._identity = stream, identity
            self._number, self._offset = header.first, len(header_line)
            self._last_line = header_line[-CRC_WIDTH:]

    def _take_in(self, changed: dict[str, dict[str, None]]) -> None:
        """Apply the whole transactions that follow in the segment at hand."""
        stream = self._stream
        if stream is None or self._line_before(self._offset) != self._last_line:
            raise _ReloadNeededError
        stream.seek(self._offset)
        pending: list[Record] = []
        position = self._offset
        while line := stream.readline():
            fields = decode(line)
            if fields is None:
                return
            position += len(line)
            op = fields[0]
            if op not in (HEADER, SYNCED):
                pending.append(to_record(fields))
                if op[1:] == b"+":
                    continue
                for record in pending:
                    self._apply(record)
                    changed.setdefault(record.table, {})[record.id] = None
                pending = []
            self._offset, self._last_line = position, line[-CRC_WIDTH:]

    def _line_before(self, offset: int) -> bytes:
        """Return the checksum of the line that ends at `offset`: it differs when the writer cut a failed write off."""
        if self._stream is None or offset < CRC_WIDTH:
            return b""
        self._stream.seek(offset - CRC_WIDTH)
        return self._stream.read(CRC_WIDTH)

    def _apply(self, record: Record) -> None:
        table = self.tables.get(record.table)
        if table is None:
            table = self.tables[record.table] = TableMemory(record.table, indexes_of(record.table))
        if record.raw is None:
            table.drop(record.id)
        else:
            table.put(record.id, record.raw, table.code_of_encoded(record.keys), record.ordinal)

    def _reload(self) -> Mapping[str, tuple[str, ...]]:
        """Read everything again and find out what differs."""
        before = self.tables
        self.tables = self._load().tables
        changed: dict[str, tuple[str, ...]] = {}
        for name in before.keys() | self.tables.keys():
            old = before[name].raws if name in before else {}
            new = self.tables[name].raws if name in self.tables else {}
            ids = [id_ for id_, raw in new.items() if old.get(id_) != raw]
            ids += [id_ for id_ in old if id_ not in new]
            if ids:
                changed[name] = tuple(ids)
        return changed
