"""SIGKILL at any moment: the run that goes on has, bit for bit, the losses of the run that was not killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from store.live import AsyncStore
from studio.jobs.events import Failed, Finished, Metrics, Recorded
from studio.jobs.order import order
from studio.jobs.process.folder import JobFolder
from studio.jobs.process.launch import launch
from studio.jobs.process.tail import EventTail
from studio.jobs.train import saves
from studio.jobs.train.job import Spec, TrainingConfig
from studio.workspace import Workspace
from tests.unit.jobs.train.test_job import accepted as accepted

CONFIG = TrainingConfig(
    rank=4, targets="all-linear", learning_rate=1e-2, epochs=8, batch=4, accumulation=2, eval_every=5, save_every=2,
    sample_tokens=0,
)  # fmt: skip
KILLS = 5
DEADLINE = 120.0


def recorded(folder: JobFolder) -> list[Recorded]:
    return [item for item in EventTail(folder.events).read() if isinstance(item, Recorded)]


def curve(folder: JobFolder) -> dict[tuple[str, int], float]:
    """Return every number that must not depend on kills, by its name and step; told twice, it must be the same."""
    found: dict[tuple[str, int], float] = {}
    for item in recorded(folder):
        if isinstance(item.event, Metrics):
            for name in ("loss", "valid_loss", "grad_norm", "learning_rate"):
                if name in item.event.values:
                    key, value = (name, item.event.step), item.event.values[name]
                    assert found.setdefault(key, value) == value, key
    return found


def wait_for(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition() and process.poll() is None:
        assert time.monotonic() < deadline, "the training process does not get on"
        os.sched_yield()


def ended(folder: JobFolder) -> bool:
    last = recorded(folder)[-1].event
    assert not isinstance(last, Failed), last
    return isinstance(last, Finished)


async def ordered(workspace: Workspace, store: AsyncStore, name: str, base: Path) -> JobFolder:
    return await order(workspace, store, "train", Spec(name=name, base=str(base), config=CONFIG), None)


@pytest.mark.slow
async def test_kills_leave_no_trace_in_the_losses(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, no_process_left: None
) -> None:
    whole = await ordered(workspace, accepted, "whole", tiny_folder)
    process = launch(whole)
    assert process.wait(DEADLINE) == 0
    steps = max(step for _, step in curve(whole))

    killed = await ordered(workspace, accepted, "killed", tiny_folder)
    dice = random.Random(11)
    kills = 0
    while kills < KILLS:
        seen = len(recorded(killed)) if killed.events.exists() else 0
        process = launch(killed)
        # The first events of a life are its start; a kill comes somewhere in what follows, saves included.
        wanted = seen + 8 + dice.randrange(12)
        wait_for(process, lambda n=wanted: killed.events.exists() and len(recorded(killed)) >= n)
        pause = time.monotonic() + dice.random() * 0.05
        while time.monotonic() < pause:
            os.sched_yield()
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        if ended(killed):
            break
    assert kills == KILLS, "the run was over before it was killed often enough"
    if not ended(killed):
        assert launch(killed).wait(DEADLINE) == 0
    assert ended(killed)
    assert curve(killed) == curve(whole)
    finals = [max(saves.saved(folder.path))[1] / "adapters.safetensors" for folder in (whole, killed)]
    assert finals[0].parent.name == f"step-{steps:06d}"
    assert finals[0].read_bytes() == finals[1].read_bytes()
    assert not list(killed.path.glob(".saving-*"))


@pytest.mark.slow
async def test_a_kill_inside_a_save_leaves_the_state_before(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, no_process_left: None
) -> None:
    folder = await ordered(workspace, accepted, "r1", tiny_folder)
    process = launch(folder)
    seen: list[str] = []

    def saving() -> bool:
        seen[:] = [path.name for path in folder.path.glob(".saving-step-*")]
        return bool(seen) and any(True for _ in saves.saved(folder.path))

    wait_for(process, saving)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert launch(folder).wait(DEADLINE) == 0
    assert ended(folder)
    curve(folder)
