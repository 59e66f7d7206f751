"""A training run that outlives the studio: left, come back to, killed and resumed, by keys in a terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from store.database import Store
from studio.jobs.process.folder import JobFolder
from studio.jobs.process.lock import holder
from studio.workspace import Workspace
from tests.fixtures.small_demo import demo_environment, small_demo
from tests.fixtures.terminal import SKIPPED, Terminal, find_tmux, studio

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_tmux() is None, reason=SKIPPED),
]

STEPS = 16
SIZE = (80, 24)
SECONDS = 300


def at_step(screen: str) -> int:
    """The step that the Train screen shows; 0 where it shows none."""
    found = re.search(rf"step\s+(\d+)/{STEPS}", screen)
    return int(found[1]) if found else 0


def reaches(terminal: Terminal, step: int) -> int:
    return at_step(terminal.until(lambda screen: at_step(screen) >= step, f"step {step}", seconds=SECONDS))


def prepared(folder: Path) -> Workspace:
    workspace = small_demo(folder / "demo")
    settings = workspace.data / "training.toml"
    text = settings.read_text(encoding="utf-8").replace("max_steps = 3", f"max_steps = {STEPS}")
    settings.write_text(text + "save_every = 2\nepochs = 50\n", encoding="utf-8")
    for command in (["collect"], ["generate"], ["review", "accept"]):
        done = subprocess.run(
            [sys.executable, "-m", "studio", *command, "-w", str(workspace.root), "--json"],
            env=demo_environment(folder, None), capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    return workspace


def test_leave_come_back_kill_and_resume(tmp_path: Path) -> None:
    workspace = prepared(tmp_path)
    with studio(workspace, tmp_path, SIZE) as terminal:
        terminal.keys("F4")
        terminal.wait("Nothing was trained yet")
        terminal.keys("g")
        left_at = reaches(terminal, 3)
        terminal.keys("C-q")
        terminal.wait("ended with 0", seconds=20)
    folder = JobFolder(workspace.checkpoints / "r1")
    process = holder(folder.lock)
    assert process is not None, "the run ended with the studio"
    with studio(workspace, tmp_path, SIZE) as terminal:
        terminal.keys("F4")
        assert reaches(terminal, left_at + 3) < STEPS
        os.kill(process.pid, signal.SIGKILL)
        terminal.wait("killed from outside", "t Resume", seconds=30)
        terminal.keys("t")
        terminal.wait("p Pause")
        terminal.until(lambda screen: "p Pause" not in screen, "the end", seconds=SECONDS)
        assert at_step(terminal.screen) == STEPS
        terminal.keys("C-q")
        terminal.wait("ended with 0", seconds=20)
    with Store.open(workspace.database, readonly=True) as store:
        (run,) = store.training_runs.find()
    assert (run.state, run.steps) == ("done", STEPS)
