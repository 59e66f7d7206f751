"""Figures sent to a tracker too: really, where one is installed; without one the run goes on all the same."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from store.live import AsyncStore
from studio.jobs.events import Finished, Log
from studio.jobs.train.job import Spec, run
from studio.workspace import Workspace
from tests.unit.jobs.train.test_job import CONFIG, collect, prepared
from tests.unit.jobs.train.test_job import accepted as accepted

HAVE = {name: importlib.util.find_spec(name) is not None for name in ("wandb", "trackio")}


async def run_with(
    workspace: Workspace, store: AsyncStore, base: Path, tracker: str
) -> tuple[list[str], Path]:
    config = CONFIG.model_copy(update={"report_to": (tracker,), "max_steps": 3, "sample_tokens": 0})
    spec = Spec(name="r1", base=str(base), config=config)
    job = await prepared(workspace, store, spec)
    events = await collect(run(spec, job))
    assert isinstance(events[-1], Finished) and events[-1].state == "done"
    return [event.text for event in events if isinstance(event, Log)], job.folder


@pytest.mark.parametrize("tracker", ["wandb", "trackio"])
async def test_a_tracker_that_is_not_installed_is_named_and_the_run_goes_on(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, tracker: str
) -> None:
    if HAVE[tracker]:
        pytest.skip(f"{tracker} is installed here, so its absence is not tested")
    said, _ = await run_with(workspace, accepted, tiny_folder, tracker)
    assert f"{tracker} is not installed: pip install 'jessy-studio[{tracker}]'." in said


@pytest.mark.slow
async def test_wandb_takes_the_figures_offline(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="wandb is an optional extra: what it takes offline is not tested")
    monkeypatch.setenv("WANDB_MODE", "offline")
    said, folder = await run_with(workspace, accepted, tiny_folder, "wandb")
    assert "The figures go to wandb too." in said
    (record,) = (folder / "wandb").glob("offline-run-*/run-*.wandb")
    assert b"valid_loss" in record.read_bytes()


@pytest.mark.slow
async def test_trackio_takes_the_figures(
    workspace: Workspace,
    accepted: AsyncStore,
    tiny_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # looked at when it is imported
    pytest.importorskip("trackio", reason="trackio is an optional extra: what it takes is not tested")
    said, _ = await run_with(workspace, accepted, tiny_folder, "trackio")
    assert "The figures go to trackio too." in said
    assert any(b"valid_loss" in file.read_bytes() for file in (tmp_path / "trackio").rglob("*.db*"))
