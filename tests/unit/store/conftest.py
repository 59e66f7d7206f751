"""Fixtures of the store's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Store
from store.journal import folding, writer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a test's database is."""
    return tmp_path / "db"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """An empty store on the disk, open for writing."""
    with Store.open(folder) as opened:
        yield opened


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of two or three examples, so that few of them make several segments."""
    monkeypatch.setattr(writer, "SEGMENT_BYTES", 900)
    monkeypatch.setattr(folding, "SEGMENT_BYTES", 900)
