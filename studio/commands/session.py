"""A workspace opened by a headless command: as its writer when nobody else is, otherwise as a follower."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from store.errors import StoreLocked
from store.live import AsyncStore
from studio.commands.failure import CommandError
from studio.jobs.manager import JobManager
from studio.workspace import Workspace


@dataclass(frozen=True)
class Session:
    """An open workspace; `writes` is False where another process, such as the studio, has it."""

    workspace: Workspace
    store: AsyncStore
    manager: JobManager

    @property
    def writes(self) -> bool:
        """True where this command is the workspace's writer, which also takes in what jobs did."""
        return not self.store.readonly

    def must_write(self) -> None:
        """Refuse to go on where another process has the workspace.

        Raises:
            CommandError: this command would change documents, and is not the writer.
        """
        if not self.writes:
            raise CommandError(
                f"The studio, or another command, has the workspace {self.workspace.root}.",
                to_do="Do it there, or close it and try again.",
            )


@asynccontextmanager
async def open_session(workspace: Workspace, *, readonly: bool = False) -> AsyncIterator[Session]:
    """Open the workspace; what jobs did while nobody was there is taken in first.

    Args:
        workspace: where.
        readonly: follow only, even where the place of the writer is free.

    Raises:
        StoreError: the store cannot be opened; its words say why.
    """
    store = await _open_store(workspace, readonly=readonly)
    try:
        manager = JobManager(workspace, store)
        if not store.readonly:
            await manager.ingest()
        yield Session(workspace, store, manager)
    finally:
        await store.close()


async def _open_store(workspace: Workspace, *, readonly: bool) -> AsyncStore:
    if not readonly:
        with suppress(StoreLocked):
            return await AsyncStore.open(workspace.database)
    return await AsyncStore.open(workspace.database, readonly=True)
