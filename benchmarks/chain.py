"""The whole chain from installed packages to a chat turn, and what an open studio costs a training run.

    python benchmarks/chain.py [--json] [--rounds N] [--skip-chain | --skip-studio]

The chain runs once in a fresh demo workspace, headless. The cost of the studio is measured side by side: the same
short training run, alternately alone and with `jessy-studio` open on its Train screen in a pseudo-terminal. The bar
is on the processor time that the open studio takes from the run; the two speeds are there for comparison, since
they differ by more than that from one round to the next.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil
from report import Report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studio.workspace import Workspace

CHAIN_SECONDS = 480.0
STUDIO_SHARE = 0.02
TRAIN = "\x1bOS"
"""F4, as a terminal sends it: the Train screen."""


def main() -> int:
    """Measure and print; 0 when every bar is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip-chain", action="store_true")
    parser.add_argument("--skip-studio", action="store_true")
    given = parser.parse_args()
    report = Report("the whole chain")
    with tempfile.TemporaryDirectory(prefix="jessy-bench-", dir=_folder()) as folder:
        root = Path(folder)
        if not given.skip_chain:
            measure_chain(report, root / "chain")
        if not given.skip_studio:
            measure_studio(report, root / "studio", given.rounds)
    return report.show(as_json=given.json)


def _folder() -> Path:
    folder = Path(".bench")
    folder.mkdir(exist_ok=True)
    return folder.resolve()


def measure_chain(report: Report, root: Path) -> None:
    """Run `jessy-studio demo` in a fresh workspace."""
    began = time.monotonic()
    lines = _studio("demo", str(root), "--headless", "--json")
    total = time.monotonic() - began
    for step, seconds in lines[-1]["seconds"].items():
        report.add(step, seconds, "s")
    report.add("chain", total, "s", at_most=CHAIN_SECONDS)
    metrics = [line for line in lines if line["type"] == "metrics" and "tokens_per_second" in line["values"]]
    report.add("training steps", max(line["step"] for line in metrics), "steps")
    report.add("training", median(line["values"]["tokens_per_second"] for line in metrics), "tokens/s")
    reply = lines[-1]["reply"]
    report.add("chat", reply["tokens_per_second"], "tokens/s")
    report.notes["answered by"] = reply["model"]
    report.notes["deployed"] = "deploy" in lines[-1]["seconds"]


def measure_studio(report: Report, root: Path, rounds: int) -> None:
    """Train the same short run alone and beside an open studio, in turns."""
    from studio.demo import create_demo

    workspace = create_demo(root)
    settings = workspace.data / "training.toml"
    settings.write_text(
        'targets = "attention"\nlearning_rate = 1e-3\nwarmup = 0\nmax_steps = 16\nbatch = 4\naccumulation = 1\n'
        "max_sequence = 192\nsample_tokens = 0\neval_batches = 1\neval_every = 1000\nsave_every = 1000\n"
    )
    _studio("collect", "-w", str(root), "--json")
    _studio("generate", "-w", str(root), "--json")
    _studio("review", "accept", "-w", str(root), "--json")
    ratios, shares = [], []
    for number in range(rounds):
        speeds = {}
        # In turns, the other one first each time, so that a drift of the machine falls on both.
        for beside in (False, True) if number % 2 == 0 else (True, False):
            with _open_studio(workspace) if beside else _nothing() as studio:
                taken, began = _processor_seconds(studio), time.monotonic()
                speeds[beside] = _train(root, f"{'with' if beside else 'alone'}-{number}")
                taken = _processor_seconds(studio) - taken
            if beside:
                shares.append(taken / (time.monotonic() - began) / (psutil.cpu_count() or 1))
        ratios.append(speeds[False] / speeds[True] - 1)
        report.add(f"alone, round {number + 1}", speeds[False], "tokens/s")
        report.add(f"beside the studio, round {number + 1}", speeds[True], "tokens/s")
    report.add("slower beside the studio, median", median(ratios), "of the speed")
    report.add(
        "what the open studio costs, median", median(shares), "of the processors", at_most=STUDIO_SHARE
    )


def _processor_seconds(process: psutil.Process | None) -> float:
    if process is None:
        return 0.0
    times = process.cpu_times()
    return float(times.user + times.system)


def _train(root: Path, name: str) -> float:
    lines = _studio("train", "-w", str(root), "--name", name, "--json")
    speeds = [
        line["values"]["tokens_per_second"]
        for line in lines
        if line["type"] == "metrics" and "tokens_per_second" in line["values"]
    ]
    # The first steps fill caches.
    return median(speeds[2:])


def _studio(*arguments: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "studio", *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(
            f"jessy-studio {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}"
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextmanager
def _nothing() -> Iterator[None]:
    yield None


@contextmanager
def _open_studio(workspace: Workspace) -> Iterator[psutil.Process]:
    """Keep the studio open in a pseudo-terminal of 160 × 50 that is read as fast as it writes."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm-256color", "COLUMNS": "160", "LINES": "50"}
        os.execv(sys.executable, [sys.executable, "-m", "studio", str(workspace.root)])
    drained = threading.Event()

    def drain() -> None:
        while not drained.is_set():
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    os.read(terminal, 65536)
                except OSError:
                    return

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    try:
        time.sleep(5)
        os.write(terminal, TRAIN.encode())
        time.sleep(2)
        yield psutil.Process(pid)
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        drained.set()
        reader.join()
        os.close(terminal)


if __name__ == "__main__":
    raise SystemExit(main())
