"""The studio in a terminal of the tests' own: a filled workspace, a fixed clock, no settings of the person."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from studio.workspace import Workspace
from tests.screens import material


class SvgExtension(SingleFileSnapshotExtension):
    """One SVG a snapshot, so that a person can look at it."""

    _write_mode = WriteMode.TEXT
    file_extension = "svg"


@pytest.fixture
def svg(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Compare with the SVG of this test's name."""
    return snapshot.use_extension(SvgExtension)


@pytest.fixture(autouse=True)
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home, settings, a clock and a time zone that are the same everywhere."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JESSY_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    monkeypatch.setattr("store.models.now", lambda: material.MOMENT + timedelta(days=3, hours=2))
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def empty(tmp_path: Path) -> Workspace:
    """A workspace as `init` leaves it."""
    return Workspace.create(tmp_path / "jessy")


@pytest.fixture
def filled(empty: Workspace) -> Workspace:
    """A workspace with something on every screen."""
    material.fill(empty)
    return empty
