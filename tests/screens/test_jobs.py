"""The screens of jobs, with real job processes."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from textual.pilot import Pilot

from studio.jobs.process.lock import holder
from studio.jobs.train.config import Spec, TrainingConfig
from studio.jobs.train.safer import read_safer
from studio.workspace import Workspace
from tests.fixtures.tiny_model import write_tiny_llama
from tests.screens.driver import studio, text_of, until
from widgets.line_list import LineList
from widgets.recipe_bars import RecipeBars

pytestmark = pytest.mark.slow


async def order(pilot: Pilot[None]) -> None:
    """Order by the defaults: the offline teacher's examples."""
    await pilot.press("g")
    await until(pilot, lambda: "They cost nothing" in text_of(pilot), "the quote", 60)
    await pilot.press("g")


async def test_generate_starts_by_a_key_and_is_seen_to_its_end(empty: Workspace) -> None:
    async with studio(empty) as pilot:
        app = pilot.app
        await pilot.press("f2")
        await until(pilot, lambda: "g Start" in text_of(pilot), "the empty screen")
        screen = app.screen
        await order(pilot)
        await until(pilot, lambda: app.jobs, "the job in the strip", 60)
        await until(pilot, lambda: screen.view is not None and screen.view.state == "done", "its end", 120)
        await until(
            pilot, lambda: app.session.store.counts.total == screen.view.done, "all examples in the store"
        )
        await until(pilot, lambda: len(screen.query_one("#newest", LineList).ids) > 0, "the newest")
        have = screen.query_one(RecipeBars)
        recipes = {file.stem for file in empty.recipes.glob("*.toml")}

        def shown() -> int:
            return sum(row.have for row in have.rows if row.name in recipes)

        await until(pilot, lambda: shown() == screen.view.done, "the bars")
        await until(pilot, lambda: not app.jobs, "an empty strip")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is not screen, "the example in full")
        assert "recipe" in text_of(pilot)


async def test_a_job_that_runs_can_be_stopped_and_resumed_by_keys(empty: Workspace) -> None:
    async with studio(empty) as pilot:
        app = pilot.app
        await pilot.press("f2")
        screen = app.screen
        await order(pilot)
        await until(
            pilot, lambda: screen.view is not None and screen.view.state == "running", "a running job", 60
        )
        await pilot.press("x")
        await until(pilot, lambda: screen.view.over, "its end", 60)
        if screen.view.state == "stopped":
            reached = screen.view.done
            await pilot.press("t")
            await until(pilot, lambda: screen.view.state == "done", "the end after all", 120)
            assert screen.view.done > reached
        assert app.fault is None


async def test_a_run_that_was_killed_goes_on_at_safer_settings_by_a_key(
    filled: Workspace, tmp_path: Path
) -> None:
    """Ordered on a tiny base, killed before its process can say a word."""
    base = write_tiny_llama(tmp_path / "tiny")
    config = TrainingConfig(rank=4, batch=4, accumulation=1, max_steps=6, max_sequence=512, sample_tokens=0)
    async with studio(filled, size=(160, 50)) as pilot:
        app = pilot.app
        await pilot.press("f4")
        screen = app.screen
        record = await app.session.manager.start("train", Spec(name="safer", base=str(base), config=config))
        app.session.live.wake()
        await until(pilot, lambda: screen.view is not None and screen.view.id == record.id, "the run", 60)
        left = holder(filled.root / record.folder / "lock")
        assert left is not None
        psutil.Process(left.pid).kill()
        await until(pilot, lambda: screen.view.state == "killed", "its end", 60)
        await pilot.press("T")
        await until(pilot, lambda: screen.view.state == "done", "the end after all", 120)
        safer = read_safer(filled.root / record.folder)
        assert safer.config == {"parts": 2, "checkpointing": True}
        assert "killed by SIGKILL" in app.fault.what
