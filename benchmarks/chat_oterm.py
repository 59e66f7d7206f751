"""oterm beside the studio's chat: the same server, the same terminal, the same words, measured the same way.

It is installed by pip into an environment of its own. Its splash is switched off, and a chat with the replayed model
is put into its store by its own code, so that it opens where a question can be typed.
"""

from __future__ import annotations

import os
import subprocess
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.chat import RATE, Pane, first_tokens, server
from benchmarks.chat_server import MODEL
from benchmarks.report import Report

_SETTINGS = '{"theme": "textual-dark", "splash-screen": false}'
_PREPARE = f"""
import asyncio
from oterm.store.store import Store
from oterm.types import ChatModel

async def main():
    store = await Store.get_store()
    await store.save_chat(ChatModel(name="bench", model="{MODEL}"))

asyncio.run(main())
"""


def measure_oterm(report: Report, folder: Path, rounds: int) -> None:
    """Measure the first token and the processor; where it cannot be installed, say so and measure nothing."""
    home = folder / "oterm"
    if not _install(home):
        report.notes["oterm"] = "could not be installed"
        return
    with server(RATE) as port, oterm(port, home, (80, 24)) as pane:
        bare, painted = first_tokens(pane, port, range(3_000, 3_000 + rounds), 1.0)
        report.add("oterm: first token painted, median", 1e3 * median(painted), "ms")
        report.add("oterm: over the bare client", 1e3 * (median(painted) - median(bare)), "ms")
        pane.press("long 7\r")
        pane.painted("Zz7")
        began, used = time.perf_counter(), pane.processor_seconds()
        time.sleep(3)
        share = (pane.processor_seconds() - used) / (time.perf_counter() - began)
    report.add("oterm: processor while streaming, a few lines, 80×24", share, "of a core")


@contextmanager
def oterm(port: int, home: Path, size: tuple[int, int]) -> Iterator[Pane]:
    """Run oterm on a chat with the replayed model."""
    data = home / "data"
    data.mkdir(exist_ok=True)
    (data / "config.json").write_text(_SETTINGS, encoding="utf-8")
    environment = {
        **os.environ,
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "HOME": str(home),
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "OTERM_DATA_DIR": str(data),
    }
    subprocess.run([home / "venv/bin/python", "-c", _PREPARE], env=environment, check=True)
    pane = Pane([str(home / "venv/bin/oterm")], environment, size)
    try:
        pane.painted("bench")
        pane.quiet()
        yield pane
    finally:
        pane.close()


def _install(home: Path) -> bool:
    venv.create(home / "venv", with_pip=True)
    command = [home / "venv/bin/python", "-m", "pip", "install", "-q", "oterm"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
