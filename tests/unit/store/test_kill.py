"""A writing process is killed at random moments, over and over on the same store."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from store.database import Store
from tests.unit.store.samples import contents

ROOT = Path(__file__).parents[3]
CHILD = Path(__file__).with_name("writing_child.py")
LONGEST_SECONDS = 0.25
"""After the child is ready; about a hundred transactions on a slow disk."""


def _changed(state: dict[str, str], changes: dict[str, Any]) -> dict[str, str]:
    new = {**state, **changes}
    return {id_: text for id_, text in new.items() if text is not None}


def _run_and_kill(folder: Path, seed: int, rng: random.Random) -> list[list[Any]]:
    """Return what the child said until it was killed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, str(CHILD), str(folder), str(seed)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        assert json.loads(first)[0] == "ready"
        moment = rng.uniform(0, LONGEST_SECONDS)
        reading = _Reader(child)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(timeout=moment)
        child.send_signal(signal.SIGKILL)
        return reading.lines()


class _Reader:
    """Reads what the child says in a thread, so that a full pipe never holds it up."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        import threading

        self._text = ""
        self._child = child
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._child.stdout is not None
        self._text = self._child.stdout.read()

    def lines(self) -> list[list[Any]]:
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()
        return [json.loads(line) for line in self._text.split("\n")[:-1]]


def kill_often(folder: Path, times: int) -> int:
    """Kill the writer `times` times and check the store after each; return how many changes were acknowledged."""
    rng = random.Random(20_261_126)
    state: dict[str, str] = {}
    acknowledged = 0
    for seed in range(times):
        said = _run_and_kill(folder, seed, rng)
        last_try: dict[str, Any] = {}
        for what, changes in said:
            if what == "try":
                last_try = changes
            else:
                state = _changed(state, changes)
                acknowledged += 1
                last_try = {}
        with Store.open(folder) as store:
            found = contents(store)
            assert not any("damaged" in note or "missing" in note for note in store.notes), store.notes
        assert found in (state, _changed(state, last_try)), f"seed {seed}: after {len(said)} lines"
        state = found
    return acknowledged


@pytest.mark.slow
def test_killed_20_times(folder: Path) -> None:
    assert kill_often(folder, 20) > 20


@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_killed_400_times(folder: Path) -> None:
    assert kill_often(folder, 400) > 400
