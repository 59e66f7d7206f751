"""Two processes on one step: the same losses to the last bit, and an end that is told."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from store.live import AsyncStore
from studio.jobs.events import Failed, Metrics
from studio.jobs.order import order
from studio.jobs.process.folder import JobFolder
from studio.jobs.process.launch import launch
from studio.jobs.train.job import Spec
from studio.workspace import Workspace
from tests.unit.jobs.train.test_job import accepted as accepted
from tests.unit.jobs.train.test_kills import CONFIG, curve, ended, recorded, wait_for

DEADLINE = 120.0


@pytest.fixture(autouse=True)
def one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums depend on the number of threads: the run alone gets as many as each of the two."""
    for name in ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "1")


async def ordered(
    workspace: Workspace, store: AsyncStore, name: str, base: Path, processes: int
) -> JobFolder:
    config = CONFIG.model_copy(update={"processes": processes, "accumulation": 3, "epochs": 2})
    return await order(workspace, store, "train", Spec(name=name, base=str(base), config=config), None)


@pytest.mark.slow
async def test_two_processes_give_the_losses_of_one(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, no_process_left: None
) -> None:
    alone = await ordered(workspace, accepted, "alone", tiny_folder, 1)
    both = await ordered(workspace, accepted, "both", tiny_folder, 2)
    for folder in (alone, both):
        assert launch(folder).wait(DEADLINE) == 0
        assert ended(folder)
    assert curve(both) == curve(alone)
    assert len(curve(both)) > 10


@pytest.mark.slow
async def test_a_dead_side_process_ends_the_run_with_a_reason_and_a_resume_goes_on(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, no_process_left: None
) -> None:
    folder = await ordered(workspace, accepted, "r1", tiny_folder, 2)
    process = launch(folder)
    wait_for(
        process, lambda: any(isinstance(e.event, Metrics) and e.event.step == 1 for e in recorded(folder))
    )
    # Beside it there is multiprocessing's own resource tracker.
    (side,) = [c for c in psutil.Process(process.pid).children() if "spawn_main" in " ".join(c.cmdline())]
    os.kill(side.pid, signal.SIGKILL)
    process.wait(DEADLINE)
    last = recorded(folder)[-1].event
    assert isinstance(last, Failed)
    assert "second process ended with -9" in last.what
    assert launch(folder).wait(DEADLINE) == 0
    assert ended(folder)


@pytest.mark.slow
async def test_the_side_process_ends_with_a_killed_run(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, no_process_left: None
) -> None:
    folder = await ordered(workspace, accepted, "r1", tiny_folder, 2)
    process = launch(folder)
    wait_for(
        process, lambda: any(isinstance(e.event, Metrics) and e.event.step == 1 for e in recorded(folder))
    )
    side = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGKILL)
    process.wait()
    gone, alive = psutil.wait_procs(side, timeout=30)
    assert gone
    assert not alive
