"""A workspace to chat in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from store.live import AsyncStore
from studio.jobs.chat.local import close_local_models
from studio.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspace")


@pytest_asyncio.fixture
async def store(workspace: Workspace) -> AsyncIterator[AsyncStore]:
    opened = await AsyncStore.open(workspace.database)
    yield opened
    await close_local_models()
    await opened.close()
