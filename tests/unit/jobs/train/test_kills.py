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
from studio.jobs.train import states
from studio.jobs.train.job import Spec, TrainingConfig
from studio.workspace import Workspace
from tests.unit.jobs.train.test_job import accepted as accepted

CONFIG = TrainingConfig(
    rank=4, targets="all-linear", learning_rate=1e-2, epochs=8, batch=4, accumulation=2, eval_every=5, save_every=2,
    sample_tokens=0,
)  # fmt: skip
DEADLINE = 120.0


def recorded(folder: JobFolder) -> list[Recorded]:
    tail, found = EventTail(folder.events), list[Recorded]()
    while items := tail.read():
        found += [item for item in items if isinstance(item, Recorded)]
    return found


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
    seen = recorded(folder) if folder.events.exists() else []
    if not seen:
        return False
    last = seen[-1].event
    assert not isinstance(last, Failed), last
    return isinstance(last, Finished)


async def ordered(
    workspace: Workspace, store: AsyncStore, name: str, base: Path, **changes: object
) -> JobFolder:
    config = CONFIG.model_copy(update=changes)
    return await order(workspace, store, "train", Spec(name=name, base=str(base), config=config), None)


def kill_somewhere(folder: JobFolder, dice: random.Random) -> bool:
    """Start the run's process and kill it: while it sets up, among its steps, or while it writes a state.

    Return whether it was writing one.
    """
    seen = len(recorded(folder)) if folder.events.exists() else 0
    process = launch(folder)
    where = dice.choice(("anywhere", "steps", "steps", "save"))
    if where == "anywhere":
        until = time.monotonic() + dice.random() * 2.5
        wait_for(process, lambda: time.monotonic() >= until)
    else:
        # The first events of a life are its start.
        wanted = seen + 6 + dice.randrange(12)
        wait_for(process, lambda: folder.events.exists() and len(recorded(folder)) >= wanted)
        if where == "save":
            wait_for(process, lambda: any(folder.path.glob(".saving-*")))
            # From the making of the folder to the renaming takes some milliseconds.
            until = time.monotonic() + dice.random() * 0.01
            wait_for(process, lambda: time.monotonic() >= until)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return any(folder.path.glob(".saving-*"))


@pytest.mark.parametrize(
    ("kills", "epochs"),
    [pytest.param(15, 16, marks=pytest.mark.slow), pytest.param(100, 100, marks=pytest.mark.e2e)],
)
@pytest.mark.timeout(3000)
async def test_kills_leave_no_trace_in_the_losses(
    workspace: Workspace,
    accepted: AsyncStore,
    tiny_folder: Path,
    kills: int,
    epochs: int,
    no_process_left: None,
) -> None:
    whole, killed = [
        await ordered(workspace, accepted, name, tiny_folder, epochs=epochs) for name in ("whole", "killed")
    ]
    assert launch(whole).wait(10 * DEADLINE) == 0
    steps = max(step for _, step in curve(whole))

    dice = random.Random(11)
    inside = 0
    for _ in range(kills):
        inside += kill_somewhere(killed, dice)
        assert not ended(killed), "the run was over before it was killed often enough"
    assert inside, "no kill came inside a save"
    assert launch(killed).wait(10 * DEADLINE) == 0
    assert ended(killed)
    assert curve(killed) == curve(whole)
    finals = [max(states.saved(folder.path))[1] / "adapters.safetensors" for folder in (whole, killed)]
    assert finals[0].parent.name == f"step-{steps:06d}"
    assert finals[0].read_bytes() == finals[1].read_bytes()
    assert {path.name for path in killed.path.glob(".*")} == {path.name for path in whole.path.glob(".*")}
