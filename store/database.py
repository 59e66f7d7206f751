"""The store of a workspace: its tables as collections of frozen models, on one journal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from store.archive import read_archive, write_archive
from store.collection import Collection
from store.counts import Counts, count_examples
from store.files import Files
from store.memory import TableSnapshot
from store.models import (
    ChatSession,
    Checkpoint,
    Deployment,
    Document,
    Example,
    GenerationRun,
    JobRecord,
    PreferencePair,
    Scorecard,
    SourceDocument,
    TrainingRun,
)
from store.storage import Changed, JournalStorage
from store.table import DocumentDatabase, DocumentTable
from store.tables import TABLES


class Store:
    """All documents of a workspace. One process writes it; others open it read-only and refresh.

    Safe for several threads: one at a time gets in, and a transaction keeps the others out until it ends.
    """

    def __init__(self, database: DocumentDatabase) -> None:
        """Use `Store.open`."""
        self.database = database
        """TinyDB itself."""
        storage = database.storage
        if not isinstance(storage, JournalStorage):
            raise TypeError("a store stands on a JournalStorage")
        self._storage = storage
        self._collections: dict[str, Collection[Any]] = {}
        self._counts = (-1, Counts())
        self.examples: Collection[Example] = self.collection("examples")
        self.pairs: Collection[PreferencePair] = self.collection("pairs")
        self.sources: Collection[SourceDocument] = self.collection("sources")
        self.generation_runs: Collection[GenerationRun] = self.collection("generation_runs")
        self.training_runs: Collection[TrainingRun] = self.collection("training_runs")
        self.checkpoints: Collection[Checkpoint] = self.collection("checkpoints")
        self.scorecards: Collection[Scorecard] = self.collection("scorecards")
        self.deployments: Collection[Deployment] = self.collection("deployments")
        self.chat_sessions: Collection[ChatSession] = self.collection("chat_sessions")
        self.jobs: Collection[JobRecord] = self.collection("jobs")

    @classmethod
    def open(cls, folder: Path, *, readonly: bool = False, files: Files | None = None) -> Store:
        """Open the store in `folder`, or make an empty one unless `readonly`.

        Raises StoreLocked when another process writes it (then `readonly` still works), StoreTooNew when a newer
        version wrote it, OSError. What had to be mended is in `notes`.
        """
        return cls(DocumentDatabase(folder, readonly=readonly, files=files))

    @property
    def folder(self) -> Path:
        """Where the database is."""
        return self._storage.folder

    @property
    def readonly(self) -> bool:
        """Return whether this store only follows what another process writes."""
        return self._storage.readonly

    @property
    def notes(self) -> tuple[str, ...]:
        """What opening found damaged or torn and what became of it, one note for people each; empty normally."""
        return self._storage.notes

    @property
    def counts(self) -> Counts:
        """How many examples there are, by status, category and split."""
        with self._storage.mutex:
            version, counts = self._counts
            if version != self._storage.version:
                version, counts = self._storage.version, count_examples(self._storage.memory("examples"))
                self._counts = version, counts
            return counts

    def collection(self, table: str) -> Collection[Any]:
        """Return the collection of a table by its name. Raises KeyError for a name that is not in TABLES."""
        if table not in self._collections:
            model: type[Document] = TABLES[table].model
            documents = self.database.table(table)
            if not isinstance(documents, DocumentTable):
                raise TypeError("a collection stands on a DocumentTable")
            self._collections[table] = Collection(self._storage, documents, model)
        return self._collections[table]

    def transaction(self) -> AbstractContextManager[None]:
        """Make all changes in the `with` block one: written and synced once at its end, or not at all."""
        return self._storage.transaction()

    def subscribe(self, listener: Callable[[Changed], None]) -> Callable[[], None]:
        """Call `listener` with the changed ids by table after each durable change; returns how to end that."""
        return self._storage.subscribe(listener)

    def refresh(self) -> Changed:
        """Take in what the writing process has written; returns the changed ids by table."""
        return self._storage.refresh()

    def fold(self) -> int:
        """Drop outdated records now instead of in the background; returns the bytes freed."""
        return self._storage.fold()

    @property
    def folding(self) -> bool:
        """Return whether outdated records are being dropped in the background just now."""
        return self._storage.folding

    def snapshot(self) -> list[TableSnapshot]:
        """Return all documents as they are now, for `write_archive`."""
        return self._storage.snapshot()

    def backup(self, target: Path) -> int:
        """Write all documents of this moment into `target` and return how many; changes go on meanwhile.

        The file is compressed and checksummed, is for its owner only, and appears when it is complete.
        Raises OSError.
        """
        return write_archive(self.snapshot(), target)

    @staticmethod
    def restore(archive: Path, folder: Path) -> int:
        """Make the store in `folder` what it was at the backup and return the number of documents.

        What is there now is kept beside it, as `journal.before-restore-<n>`. Raises ArchiveDamaged before anything
        is changed, StoreLocked while somebody writes the store.
        """
        return read_archive(archive, folder)

    def close(self) -> None:
        """Close the store; closing twice is no error."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
