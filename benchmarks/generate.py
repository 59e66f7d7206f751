"""How fast examples come from a server that states its limits, with what memory, and what a near-duplicate costs.

The server is a loopback one that takes a second for each reply and enforces the limit that it states. What is
allowed is its bucket and its refill until the last request was taken. Beside it, for information, Bespoke Curator
asks the same server; it is installed into an environment of its own, where it can be.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.report import Report, percentile  # noqa: E402

if TYPE_CHECKING:
    from studio.workspace import Workspace

RECIPE = """
name = "bench"
title = "Bench"
category = "technical"
phase = 2
target = 100000
shape = "single"
languages = ["en"]
examples_per_request = 1

[[slots]]
id = "one"
title = "the owl"

[prompt]
system = "You write examples. {glossary}"
user = "Write {count} about {slot} in {languages}."
"""
A_MINUTE = 1_500.0
CAPACITY = 50.0
LATENCY = 1.0


def serve(connection: Any, a_minute: float, capacity: float, latency: float) -> None:
    """Run the server in a process of its own; tell its address, then what it saw whenever it is asked."""
    from tests.fixtures.messages_server import MessagesServer, RateLimit

    limit = RateLimit(a_minute, capacity)
    server = MessagesServer(latency=latency, limit=limit, keep=False).start()
    connection.send(server.url)
    while connection.recv() == "count":
        connection.send((server.count - limit.refused, limit.refused, server.first_at, server.last_at))
    server.stop()


class Server:
    """A process with the server."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        arguments = (theirs, A_MINUTE, CAPACITY, LATENCY)
        self._process = context.Process(target=serve, args=arguments, daemon=True)
        self._process.start()
        self.url: str = self._ours.recv()

    def seen(self) -> tuple[int, int, float, float]:
        """Return requests taken, requests refused, and when the first and the last came, in seconds."""
        self._ours.send("count")
        taken: tuple[int, int, float, float] = self._ours.recv()
        return taken

    def close(self) -> None:
        self._ours.send("end")
        self._process.join(10)


def share_of_allowed(server: Server) -> tuple[float, int, float]:
    """Return what was taken as a share of what the limit allowed, requests refused, and requests a second."""
    taken, refused, first, last = server.seen()
    seconds = last - first
    return taken / (CAPACITY + A_MINUTE / 60 * seconds), refused, taken / (seconds or 1)


def agreed_workspace(root: Path, server: Server) -> Workspace:
    """Make a workspace with the benchmark's recipe, whose person lets it go to the server."""
    from studio.jobs.generate.leaving import Leaving, agree
    from studio.workspace import Workspace

    workspace = Workspace.create(root)
    (workspace.recipes / "bench.toml").write_text(RECIPE, encoding="utf-8")
    agree(workspace, Leaving(server.url))
    return workspace


def ours(units: int, report: Report) -> None:
    """Order the units as a person does and watch the job's process."""
    server = Server()
    with tempfile.TemporaryDirectory() as folder:
        workspace = agreed_workspace(Path(folder) / "ws", server)
        environment = os.environ | {
            "ANTHROPIC_API_KEY": "sk-bench",
            "JESSY_CONFIG_DIR": str(Path(folder) / "config"),
            "PYTHONPATH": str(ROOT),
        }
        command = [
            *(sys.executable, "-m", "studio", "generate", "-w", str(workspace.root), "--json"),
            *("--teacher", "anthropic", "--base-url", server.url, "--recipe", "bench"),
            *("--count", str(units), "--max-tokens", "512", "--budget", "100"),
        ]
        memory: list[tuple[float, float]] = []
        done = threading.Event()
        watcher = threading.Thread(target=watch_memory, args=(workspace.root, memory, done))
        watcher.start()
        run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        done.set()
        watcher.join()
        end = json.loads(run.stdout.splitlines()[-1])
        if end.get("type") != "finished":
            raise SystemExit(f"the job did not end: {run.stdout[-2000:]}{run.stderr[-2000:]}")
        share, refused, rate = share_of_allowed(server)
    server.close()
    report.add_at_least("examples made", end["result"]["examples"], "examples", at_least=units)
    report.add_at_least("of what the limits allow", share, "share", at_least=0.95)
    report.add("requests taken", rate, "a second")
    report.add("requests refused", refused, "requests")
    if len(memory) > 8:
        # From the middle on: by then every library is loaded.
        begun = memory[len(memory) // 2][1]
        report.add("memory of the job's process", memory[-1][1] / 2**20, "MiB")
        grown = (memory[-1][1] - begun) / 2**10 / (units / 2)
        report.add("memory grown by an example", grown, "KiB", at_most=20)


def first_request(examples: int, report: Report) -> None:
    """Measure how long a person waits for the first request of an order beside a dataset that must not be repeated."""
    from benchmarks.rivals import make_examples
    from store.database import Store

    server = Server()
    with tempfile.TemporaryDirectory() as folder:
        workspace = agreed_workspace(Path(folder) / "ws", server)
        with Store.open(workspace.database) as store, store.transaction():
            store.examples.put_many(make_examples(examples))
        os.environ |= {"ANTHROPIC_API_KEY": "sk-bench", "JESSY_CONFIG_DIR": str(Path(folder) / "config")}
        waited, processor = asyncio.run(_ordered(workspace, server))
    server.close()
    report.add("first request after the process began", waited, "s")
    report.add("processor time of the process until then", processor, "s")


async def _ordered(workspace: Workspace, server: Server) -> tuple[float, float]:
    """Order ten examples; return seconds and processor seconds of the job's process until the first request came."""
    from store.live import AsyncStore
    from studio.jobs.generate.order import Spec
    from studio.jobs.manager import JobManager
    from studio.jobs.process.lock import holder

    store = await AsyncStore.open(workspace.database)
    spec = Spec(teacher="anthropic", base_url=server.url, recipes=("bench",), count=10, max_tokens=512)
    manager = JobManager(workspace, store)
    record = await manager.start("generate", spec)
    began = time.monotonic()
    held = holder(workspace.inside(record.folder) / "lock")
    process = psutil.Process(held.pid if held else None)
    times = process.cpu_times()
    while not (first := server.seen()[2]):
        times = process.cpu_times()
        await asyncio.sleep(0.05)
    async for _ in manager.follow(record.id):
        pass
    await store.close()
    return first - began, times.user + times.system


def watch_memory(root: Path, memory: list[tuple[float, float]], done: threading.Event) -> None:
    """Note the resident memory of the job's process until told to stop."""
    process: psutil.Process | None = None
    while not done.wait(0.5):
        try:
            if process is None:
                for one in psutil.process_iter(["cmdline"]):
                    line = " ".join(one.info["cmdline"] or ())
                    if "process.runner" in line and str(root) in line:
                        process = one
            else:
                memory.append((time.monotonic(), float(process.memory_info().rss)))
        except psutil.Error:
            process = None


def near_duplicates(examples: int, report: Report) -> None:
    """Measure near-duplicates and monotony over a whole dataset, in processor time, which neighbours do not take."""
    from benchmarks.rivals import make_examples
    from studio.jobs.generate.novelty import Novelty

    novelty = Novelty(0.8, 0.2)
    times = []
    for example in make_examples(examples):
        began = time.thread_time()
        novelty.add(example.id, "bench", example.messages)
        times.append(time.thread_time() - began)
    report.add("near-duplicate of an example", 1000 * sum(times) / len(times), "ms", at_most=1.0)
    report.add("near-duplicate, 99th percentile", 1000 * percentile(times, 0.99), "ms")


CURATOR = """
import sys, time
from bespokelabs import curator
class Asks(curator.LLM):
    def prompt(self, row): return row["prompt"]
    def parse(self, row, response): return {"text": str(response)}
limits = {"max_requests_per_minute": int(sys.argv[3]), "max_tokens_per_minute": 10**8}
server = {"base_url": sys.argv[1], **limits}
asks = Asks(model_name="anthropic/claude-sonnet-5-5", backend="litellm", backend_params=server)
asks([{"prompt": f"Write 1 about the owl, case {n}."} for n in range(int(sys.argv[2]))])
"""


def curator(units: int, report: Report) -> None:
    """Let Curator ask the same server, where it can be installed."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        venv.create(home / "venv", with_pip=True)
        python = str(home / "venv/bin/python")
        installed = subprocess.run(
            [python, "-m", "pip", "install", "-q", "bespokelabs-curator"],
            capture_output=True,
            text=True,
            check=False,
        )
        if installed.returncode:
            report.notes["curator"] = "not installable here"
            return
        server = Server()
        environment = os.environ | {
            "HOME": folder,
            "ANTHROPIC_API_KEY": "sk-bench",
            "CURATOR_DISABLE_CACHE": "1",
            "TELEMETRY_ENABLED": "0",
            "CURATOR_VIEWER": "0",
            "HF_HUB_OFFLINE": "1",
        }
        arguments = [python, "-c", CURATOR, server.url, str(units), f"{A_MINUTE:.0f}"]
        try:
            run = subprocess.run(
                arguments, capture_output=True, text=True, env=environment, timeout=900, check=False
            )
            share, refused, rate = share_of_allowed(server)
        except subprocess.TimeoutExpired:
            report.notes["curator"] = "gave up after 15 minutes"
            return
        finally:
            server.close()
        if run.returncode:
            last = (run.stderr.strip().splitlines() or ["no words"])[-1]
            report.notes["curator"] = f"failed: {last[:120]}"
            return
        report.add("Curator: of what the limits allow", share, "share")
        report.add("Curator: requests taken", rate, "a second")
        report.add("Curator: requests refused", refused, "requests")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=2_000)
    parser.add_argument("--examples", type=int, default=17_000, help="of the dataset that is compared with")
    parser.add_argument("--without-curator", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    report = Report(
        f"Generate: {given.units:,} units at {A_MINUTE:,.0f} requests a minute, {LATENCY:g} s each"
    )
    near_duplicates(given.examples, report)
    first_request(given.examples, report)
    ours(given.units, report)
    if not given.without_curator:
        curator(given.units, report)
    return report.show(as_json=given.json)


if __name__ == "__main__":
    raise SystemExit(main())
