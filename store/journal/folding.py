"""Folding: outdated records are dropped from closed segments in the background, so slowly that nobody waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from store.files import Files
from store.journal.lines import SCHEMA, Header, Record, decode, encode_record, to_record
from store.journal.opening import Tables
from store.journal.segments import Segment
from store.journal.writer import SEGMENT_BYTES, JournalWriter, write_segment

OUTDATED_AT_LEAST = 8 << 20
"""Bytes of outdated records below which folding is not worth the writing."""
OUTDATED_SHARE = 0.5
"""Of the size of the current documents; above it the journal is folded."""
WORTH_SHARE = 0.25
"""Of a segment; below it rewriting it frees too little."""
LINE_OVERHEAD = 90
"""Bytes of a line beside the document's JSON and id, about."""
LOOK_AHEAD = 64
"""Lines looked at in one go while the store is locked."""
PAUSE_FACTOR = 4.0
"""The folder rests this many times as long as it worked, so that a fifth of the disk's time is its at most."""
PAUSE_AT_LEAST = 0.004
"""Seconds."""


@dataclass(slots=True)
class Group:
    """Neighbouring segments that become one."""

    segments: list[Segment] = field(default_factory=list)
    current: int = 0
    """Bytes of lines that are still what the store holds."""

    @property
    def size(self) -> int:
        """Bytes of the segments as they are."""
        return sum(segment.size for segment in self.segments)

    @property
    def worth(self) -> bool:
        """Return whether rewriting frees enough, or makes one file of several small ones."""
        if self.size - self.current >= WORTH_SHARE * self.size:
            return True
        return len(self.segments) > 1 and self.current <= SEGMENT_BYTES // 2


class StoppedError(Exception):
    """The store is closing; what was not finished is done another time."""


class Folder:
    """Decides when the journal is folded and does it in a thread of its own."""

    def __init__(self, writer: JournalWriter, files: Files, mutex: threading.RLock, tables: Tables) -> None:
        self._writer = writer
        self._files = files
        self._mutex = mutex
        self._tables = tables
        self._stop = threading.Event()
        self._running = threading.Lock()
        self._thread: threading.Thread | None = None
        self._not_below = 0
        self.error: OSError | None = None
        """Why the last folding gave up; the journal is whole all the same, only larger."""

    @property
    def busy(self) -> bool:
        """Return whether folding is going on."""
        return self._thread is not None and self._thread.is_alive()

    def consider(self) -> None:
        """Start folding when enough is outdated and none is going on. Called with the store locked."""
        size = self._writer.size
        if size < self._not_below or self.busy or self._stop.is_set():
            return
        current = sum(
            table.bytes + (LINE_OVERHEAD + 32) * len(table.raws) for table in list(self._tables.values())
        )
        outdated = size - current
        needed = max(OUTDATED_AT_LEAST, int(OUTDATED_SHARE * current))
        if outdated < needed:
            self._not_below = size + (needed - outdated) // 2
            return
        self._not_below = size + OUTDATED_AT_LEAST // 2
        self._thread = threading.Thread(target=self._work, name="store-folding", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End folding; a segment that was being rewritten stays as it was."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def run(self, *, forced: bool = False) -> int:
        """Fold now, without pauses when `forced`, and return the bytes freed. Raises OSError."""
        with self._running:
            return self._fold_all(forced)

    def _work(self) -> None:
        try:
            self.run()
            self.error = None
        except StoppedError:
            pass
        except OSError as error:
            self.error = error

    def _fold_all(self, forced: bool) -> int:
        with self._mutex:
            sealed = list(self._writer.sealed)
        freed = 0
        for group in self._plan(sealed, forced):
            freed += self._fold(group, forced)
        return freed

    def _plan(self, sealed: Sequence[Segment], forced: bool) -> list[Group]:
        """Gather neighbours that fit into one segment and keep the groups that are worth rewriting."""
        groups = [Group()]
        for segment in sealed:
            current = sum(len(line) for line in self._current(segment, oldest=segment.first == 1))
            self._rest(0.0 if forced else PAUSE_AT_LEAST)
            if groups[-1].segments and groups[-1].current + current > SEGMENT_BYTES:
                groups.append(Group())
            groups[-1].segments.append(segment)
            groups[-1].current += current
        return [group for group in groups if group.segments and group.worth]

    def _fold(self, group: Group, forced: bool) -> int:
        first, *others = group.segments
        origin = first.header.origin
        header = Header(SCHEMA, first.first, group.segments[-1].last, folded=True, origin=origin)
        oldest = first.first == 1
        lines = (line for segment in group.segments for line in self._current(segment, oldest=oldest))
        written = 0
        began = time.monotonic()
        pieces = write_segment(self._files, first.path, header, lines, each_synced=True)
        try:
            for size in pieces:
                written = size
                self._rest(0.0 if forced else max(PAUSE_AT_LEAST, PAUSE_FACTOR * (time.monotonic() - began)))
                began = time.monotonic()
        finally:
            pieces.close()
        folded = Segment(first.path, header, written)
        before = group.size
        with self._mutex:
            segments = self._writer.segments
            at = segments.index(first)
            segments[at : at + len(group.segments)] = [folded]
        for segment in others:
            self._files.remove(segment.path)
        if others:
            self._files.sync_folder(self._writer.folder)
        return before - written

    def _current(self, segment: Segment, *, oldest: bool) -> Iterator[bytes]:
        """Yield the lines of a segment that still matter, each as a transaction of its own.

        A put matters while the store holds that very text. A delete matters as long as an older segment may have
        the document. Keeping a line too many is harmless: a later one overrules it again.
        """
        with self._files.read(segment.path) as stream:
            while lines := list(islice(stream, LOOK_AHEAD)):
                records = [
                    to_record(fields) for fields in map(decode, lines) if fields and fields[0][:1] in b"pd"
                ]
                with self._mutex:
                    kept = [record for record in records if self._matters(record, oldest)]
                for record in kept:
                    yield encode_record(record, b"1")

    def _matters(self, record: Record, oldest: bool) -> bool:
        table = self._tables.get(record.table)
        now = table.raws.get(record.id) if table is not None else None
        if record.raw is None:
            return now is None and not oldest
        return now == record.raw and table is not None and table.ordinals[record.id] == record.ordinal

    def _rest(self, seconds: float) -> None:
        if self._stop.wait(seconds) if seconds else self._stop.is_set():
            raise StoppedError
