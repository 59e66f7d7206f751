"""How soon the first frame is on the terminal, beside a bare Textual app; and what `--help` costs over bare Python.

Each program is started in a pseudo-terminal of 80×24 and timed from the start of its process until a word of its
first frame has come out. The programs take turns, so that a busy moment of the machine hits all of them.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from report import Report

from studio.workspace import Workspace

ROUNDS = 25
FIRST_FRAME_RATIO = 1.25
HELP_OVER_PYTHON_SECONDS = 0.150
_TIMEOUT = 60.0

BARE = """
from textual.app import App, ComposeResult
from textual.widgets import Static

class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("first-frame")

Bare().run()
"""
STUDIO = """
import sys
from pathlib import Path
from studio.app import StudioApp
from studio.workspace import Workspace

StudioApp(Workspace(Path(sys.argv[1]))).run()
"""


def first_frame_seconds(command: list[str], word: bytes) -> float:
    """Return the time from the start of the process until `word` has been written to its terminal.

    Raises:
        RuntimeError: the program ended, or a minute passed, without it.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    os.close(slave)
    seen = b""
    try:
        while time.perf_counter() - began < _TIMEOUT:
            if select.select([master], [], [], 0.5)[0]:
                try:
                    seen += os.read(master, 65_536)
                except OSError:
                    break
                if word in seen:
                    return time.perf_counter() - began
        raise RuntimeError(f"{command[1:3]} never showed {word!r}: {seen[-2000:]!r}")
    finally:
        # The whole session: nothing of it may go on and disturb the next measurement.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(master)


def run_seconds(command: list[str]) -> float:
    """Return how long a command takes to its end."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> int:
    """Measure, print, and return 0 when the bars are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    python = sys.executable
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.create(Path(folder) / "jessy")
        os.environ["JESSY_CONFIG_DIR"] = folder
        programs = {
            "bare": ([python, "-c", BARE], b"first-frame"),
            "studio": ([python, "-c", STUDIO, str(workspace.root)], b"Overview"),
            "command": ([python, "-m", "studio", str(workspace.root)], b"Overview"),
        }
        frames: dict[str, list[float]] = {name: [] for name in programs}
        runs: dict[str, list[float]] = {"python": [], "help": []}
        for command, word in programs.values():
            first_frame_seconds(command, word)  # Byte code is written and the disk's cache filled.
        for _ in range(arguments.rounds):
            for name, (command, word) in programs.items():
                frames[name].append(first_frame_seconds(command, word))
            runs["python"].append(run_seconds([python, "-c", "pass"]))
            runs["help"].append(run_seconds([python, "-m", "studio", "--help"]))

    median = {name: statistics.median(values) for name, values in (frames | runs).items()}
    report = Report("startup")
    report.notes["rounds"] = arguments.rounds
    report.add("first frame of a bare Textual app, median", median["bare"], "s")
    report.add("first frame of the studio, median", median["studio"], "s")
    report.add("the same by the command, median", median["command"], "s")
    report.add("studio ÷ bare", median["studio"] / median["bare"], "×", at_most=FIRST_FRAME_RATIO)
    report.add(
        "`--help` over `python -c pass`",
        median["help"] - median["python"],
        "s",
        at_most=HELP_OVER_PYTHON_SECONDS,
    )
    return report.show(as_json=arguments.json)


if __name__ == "__main__":
    raise SystemExit(main())
