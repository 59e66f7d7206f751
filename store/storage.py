"""TinyDB's storage on a journal: documents in memory as bytes, every change on the disk before it counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from tinydb.storages import Storage

from store.errors import StoreReadOnly
from store.files import AppendHandle, Files
from store.journal.folding import Folder
from store.journal.follow import Follower
from store.journal.importing import import_plain
from store.journal.lines import Record
from store.journal.recovery import recover
from store.journal.writer import JournalWriter
from store.memory import Keys, TableMemory, TableSnapshot
from store.places import JOURNAL, LOCK, finish_restore
from store.tables import indexes_of, keys_of
from store.views import TablesView, TableView

Changed = Mapping[str, tuple[str, ...]]
"""Ids that were put or deleted, by table."""
Listener = Callable[[Changed], None]


class _Undo(NamedTuple):
    table: TableMemory
    id: str
    raw: bytes | None
    code: int
    ordinal: int


class JournalStorage(Storage):
    """A TinyDB storage whose `write` appends what changed. Safe for several threads: one at a time gets in.

    `read` returns a live view that parses a document when it is asked for. All changes go through
    `transaction`: within the outermost one they are one record of the journal, synced once.
    """

    def __init__(self, folder: Path, *, readonly: bool = False, files: Files | None = None) -> None:
        """Open or make the database in `folder`. Raises StoreLocked, StoreTooNew, OSError."""
        super().__init__()
        self.folder = folder
        self.readonly = readonly
        self.mutex = threading.RLock()
        self.notes: tuple[str, ...] = ()
        self._files = files or Files()
        self._undo: list[_Undo] = []
        self._depth = 0
        self.version = 0
        """Grows with every change in memory."""
        self._listeners: list[Listener] = []
        self._lock: AppendHandle | None = None
        self._writer: JournalWriter | None = None
        self._folder: Folder | None = None
        self._follower: Follower | None = None
        if readonly:
            self._follower = Follower(self._files, folder / JOURNAL)
            self.tables, self.notes = self._follower.tables, self._follower.notes
        else:
            self._open_for_writing()

    def _open_for_writing(self) -> None:
        files, journal = self._files, self.folder / JOURNAL
        files.make_folder(self.folder)
        self._lock = files.lock(self.folder / LOCK)
        try:
            finish_restore(files, self.folder)
            files.make_folder(journal)
            imported = import_plain(files, self.folder, journal)
            opened, self._writer, notes = recover(files, journal)
        except BaseException:
            self._lock.close()
            raise
        self.tables = opened.tables
        self.notes = (*imported, *notes)
        self._next_ordinal = opened.next_ordinal
        self._folder = Folder(self._writer, files, self.mutex, self.tables)

    # TinyDB's side

    def read(self) -> TablesView | None:  # type: ignore[override]
        """Return a view of all tables that have documents, or None when there are none."""
        view = TablesView(self.tables, self.mutex)
        return view if view else None

    def write(self, data: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        """Make the store hold exactly `data`; only the differences are written. Raises StoreWriteFailed."""
        with self.transaction():
            for name in [name for name in self.tables if name not in data]:
                for id_ in list(self.tables[name].raws):
                    self.drop(name, id_)
            for name, documents in data.items():
                if isinstance(documents, TableView) and documents.memory is self.tables.get(name):
                    continue
                memory = self.memory(name)
                for id_ in [id_ for id_ in memory.raws if id_ not in documents]:
                    self.drop(name, id_)
                for id_, document in documents.items():
                    self.put_document(name, id_, dict(document))

    def close(self) -> None:
        """End folding and let go of the files and the lock. Closing twice is no error."""
        if self._folder is not None:
            self._folder.stop()
        with self.mutex:
            for closable in (self._writer, self._follower, self._lock):
                if closable is not None:
                    closable.close()
            self._lock = None

    # Changes

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes within one record, durable at the end; an exception undoes all of them.

        A transaction within another belongs to the outer one. Raises StoreReadOnly, StoreWriteFailed.
        """
        with self.mutex:
            if self._writer is None:
                raise StoreReadOnly(
                    "this workspace is open read-only, because another process writes it; nothing was changed"
                )
            self._depth += 1
            try:
                yield
                changed = self._commit(self._writer) if self._depth == 1 else None
            except BaseException:
                if self._depth == 1:
                    self._roll_back()
                raise
            finally:
                self._depth -= 1
        if changed:
            self._publish(changed)

    def put(self, table: str, id_: str, raw: bytes, keys: Keys) -> None:
        """Set a document within a transaction. Raises ValueError for an id that is not printable text."""
        if not (id_.isprintable() and 0 < len(id_) <= MAX_ID):
            raise ValueError(f"an id is 1 to {MAX_ID} printable characters, not {id_[:MAX_ID]!r}")
        memory = self.memory(table)
        self._remember(memory, id_)
        ordinal = memory.ordinals.get(id_)
        if ordinal is None:
            ordinal = self._next_ordinal
            self._next_ordinal += 1
        memory.put(id_, raw, memory.code_of(keys), ordinal)

    def put_document(self, table: str, id_: str, document: dict[str, Any]) -> None:
        """Set a document from its JSON form, unless that is the same already. Raises TypeError when it has none."""
        raw = orjson.dumps(document)
        if self.memory(table).raws.get(id_) != raw:
            self.put(table, id_, raw, keys_of(table, document))

    def drop(self, table: str, id_: str) -> None:
        """Delete a document within a transaction; an unknown id is no error."""
        memory = self.memory(table)
        if id_ in memory.raws:
            self._remember(memory, id_)
            memory.drop(id_)

    def memory(self, table: str) -> TableMemory:
        """Return a table's documents; an unknown name makes an empty table."""
        memory = self.tables.get(table)
        if memory is None:
            if not (table.isprintable() and table):
                raise ValueError(f"a table's name is printable text, not {table!r}")
            memory = self.tables[table] = TableMemory(table, indexes_of(table))
        return memory

    def _remember(self, memory: TableMemory, id_: str) -> None:
        self.version += 1
        raw = memory.raws.get(id_)
        if raw is None:
            self._undo.append(_Undo(memory, id_, None, 0, 0))
        else:
            self._undo.append(_Undo(memory, id_, raw, memory.codes[id_], memory.ordinals[id_]))

    def _commit(self, writer: JournalWriter) -> Changed:
        """Write what really changed since the transaction began."""
        before: dict[tuple[str, str], _Undo] = {}
        for undo in self._undo:
            before.setdefault((undo.table.name, undo.id), undo)
        records: list[Record] = []
        changed: dict[str, list[str]] = {}
        for (name, id_), old in before.items():
            memory = old.table
            raw = memory.raws.get(id_)
            if raw == old.raw and (raw is None or memory.ordinals[id_] == old.ordinal):
                continue
            if raw is None:
                records.append(Record(name, id_, 0, b"", None))
            else:
                keys = memory.encoded[memory.codes[id_]]
                records.append(Record(name, id_, memory.ordinals[id_], keys, raw))
            changed.setdefault(name, []).append(id_)
        if records:
            writer.commit(records)
            if self._folder is not None:
                self._folder.consider()
        self._undo.clear()
        return {name: tuple(ids) for name, ids in changed.items()}

    def _roll_back(self) -> None:
        touched: dict[str, TableMemory] = {}
        for undo in reversed(self._undo):
            if undo.raw is None:
                undo.table.drop(undo.id)
            else:
                undo.table.put(undo.id, undo.raw, undo.code, undo.ordinal)
            touched[undo.table.name] = undo.table
        self._undo.clear()
        self.version += 1
        for memory in touched.values():
            memory.in_order()

    # Following and folding

    def refresh(self) -> Changed:
        """Take in what the writer has written since; returns what changed. A writing store has nothing to take in."""
        if self._follower is None:
            return {}
        with self.mutex:
            changed = self._follower.refresh()
            self.tables = self._follower.tables
            self.version += 1
        if changed:
            self._publish(changed)
        return changed

    @property
    def folding(self) -> bool:
        """Return whether the background folding is at work."""
        return self._folder is not None and self._folder.busy

    def fold(self) -> int:
        """Drop outdated records from the closed segments now; returns how many bytes that freed."""
        return self._folder.run(forced=True) if self._folder is not None else 0

    def snapshot(self) -> list[TableSnapshot]:
        """Return all tables as they are now; later changes do not show in it."""
        with self.mutex:
            return [memory.snapshot() for memory in self.tables.values()]

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after every durable change, in the thread that made it; returns how to end that."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    def _publish(self, changed: Changed) -> None:
        for listener in list(self._listeners):
            listener(changed)


MAX_ID = 200
"""Characters."""
