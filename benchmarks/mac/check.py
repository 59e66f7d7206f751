"""The chain, exact resume and speed on an Apple-silicon Mac's GPU, as a report to paste: nobody has measured them yet.

The chain runs once in a workspace of its own. There two training runs do the same steps, one whole, one killed in the
middle and resumed; their losses are compared. Other machines are refused, unless it is only to be tried (`--anyway`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

import psutil

STEPS = 12
DEADLINE = 3600.0
STUDIO = [sys.executable, "-P", "-m", "studio"]


def studio(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `jessy-studio` and return what it said."""
    return subprocess.run(
        [*STUDIO, *arguments], capture_output=True, text=True, timeout=DEADLINE, check=False
    )


def events(run: Path) -> list[dict[str, Any]]:
    """Return the events of a run so far."""
    file = run / "events.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line)["event"] for line in lines if line.endswith("}")]


def metrics(run: Path, name: str) -> dict[int, float]:
    """Return a metric of a run by its step."""
    return {
        event["step"]: float(event["values"][name])
        for event in events(run)
        if event["type"] == "metrics" and name in event["values"]
    }


def machine() -> list[str]:
    """Say what this is."""
    chip = subprocess.run(
        ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
    )
    from importlib.metadata import version

    versions = ", ".join(
        f"{name} {version(name)}" for name in ("mlx", "mlx-lm", "transformers", "jessy-studio")
    )
    memory = psutil.virtual_memory().total / 2**30
    return [
        f"- {chip.stdout.strip() or platform.processor() or platform.machine()}, {memory:.0f} GiB, "
        f"{platform.platform(terse=True)}, Python {platform.python_version()}",
        f"- {versions}",
    ]


def the_chain(folder: Path) -> list[str]:
    """Run every step once."""
    began = time.monotonic()
    done = studio("demo", "--headless", str(folder))
    (folder / "chain.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    minutes = (time.monotonic() - began) / 60
    lines = [f"- chain: exit code {done.returncode} after {minutes:.1f} minutes"]
    if done.returncode:
        lines += ["", "```", *(done.stdout + done.stderr).splitlines()[-25:], "```"]
    return lines


def trained(folder: Path, steps: int) -> list[str]:
    """Train one run whole and one with a kill in the middle; compare losses, report the speed."""
    (folder / "data" / "training.toml").write_text(
        f"max_steps = {steps}\neval_every = {max(1, steps // 3)}\neval_batches = 2\nsample_tokens = 0\n"
        'learning_rate = 1e-3\nwarmup = 0\ntargets = "all-linear"\nbatch = 4\naccumulation = 1\n',
        encoding="utf-8",
    )
    whole, killed = (folder / "checkpoints" / name for name in ("check-whole", "check-killed"))
    first = studio("train", "-w", str(folder), "--name", whole.name, "--json")
    if first.returncode:
        return [f"- training: failed with {first.returncode}", "```", *first.stdout.splitlines()[-5:], "```"]
    process = subprocess.Popen(
        [*STUDIO, "train", "-w", str(folder), "--name", killed.name, "--json"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline, awake = time.monotonic() + DEADLINE, False
    while max(metrics(killed, "loss"), default=0) < steps // 2 and time.monotonic() < deadline:
        awake = awake or any(
            "caffeinate" in (found.info["name"] or "") for found in psutil.process_iter(["name"])
        )
        time.sleep(0.05)
    job = json.loads((killed / "lock").read_text())
    os.kill(job["pid"], signal.SIGKILL)
    process.wait(60)
    job_id = tomllib.loads((killed / "job.toml").read_text(encoding="utf-8"))["id"]
    second = studio("train", "-w", str(folder), "--resume", job_id, "--json")
    ours, theirs = metrics(whole, "loss"), metrics(killed, "loss")
    apart = max((abs(ours[step] - theirs.get(step, float("nan"))) for step in ours), default=float("nan"))
    speeds = list(metrics(whole, "tokens_per_second").values())[2:]
    peak = max(metrics(whole, "peak_memory_bytes").values())
    device = next(
        (
            event["text"]
            for event in events(whole)
            if event["type"] == "log" and "Computing on" in event["text"]
        ),
        "",
    )
    resumed = next(
        (
            event["text"]
            for event in events(killed)
            if event["type"] == "log" and "Going on after" in event["text"]
        ),
        "it began anew: nothing was saved before the kill",
    )
    return [
        f"- {device}",
        f"- speed: {sum(speeds) / len(speeds):,.0f} tokens/s over {len(speeds)} steps of 4 examples, rank 16 on all "
        f"linear layers; peak {peak / 2**30:.2f} GiB",
        f"- SIGKILL at step {steps // 2}, resumed (exit code {second.returncode}): {resumed}",
        f"- losses of {len(theirs)} of {len(ours)} steps, largest difference to the run that was not killed: "
        f"{apart:.3g}{' (the same bits)' if apart == 0 else ''}",
        f"- kept awake by caffeinate: {'yes' if awake else 'not seen'}",
    ]


def main() -> int:
    """Run all checks and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--anyway", action="store_true", help="also where there is no Apple GPU")
    parser.add_argument(
        "--in", dest="folder", type=Path, help="a finished demo workspace, instead of running the chain"
    )
    parser.add_argument("--steps", type=int, default=STEPS, help=f"optimizer updates of each run [{STEPS}]")
    arguments = parser.parse_args()
    if not arguments.anyway and not (sys.platform == "darwin" and platform.machine() == "arm64"):
        print(
            "This checks an Apple-silicon Mac; here it would only repeat what the tests do (--anyway tries it)."
        )
        return 2
    home = Path(tempfile.mkdtemp(prefix="mac-check-"))
    folder = arguments.folder or home / "demo"
    report = ["## mac-check", "", *machine()]
    try:
        report += [] if arguments.folder else the_chain(folder)
        report += trained(folder, arguments.steps)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print("\n".join(re.sub(re.escape(str(Path.home())), "~", line) for line in report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
