"""The store's bars, beside plain TinyDB, a raw append with fsync and SQLite, in one run on one disk.

    python benchmarks/store.py [--json] [--sizes 17000,170000] [--decisions 2000] [--folder DIR]

A *decision* sets an example's status, as a key press in the review does, and is over when it is on the disk.
Decisions of the store, of SQLite (`synchronous=FULL`, a transaction each, both journal modes) and raw appends of
as many bytes take turns in random order, so that whatever else the machine does meets all of them alike.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tinydb import TinyDB, where

from benchmarks.report import Report, file_system, percentile
from benchmarks.rivals import STATUSES, RawAppend, Sqlite, decided, make_examples
from store.database import Store
from store.live import AsyncStore
from store.models import Example, Status

BATCH = 17_000

Contestants = dict[str, Callable[[Example], None]]
Timings = dict[str, list[float]]


def take_turns(
    store: Store, contestants: Contestants, ids: list[str], until: Callable[[int], bool], rng: random.Random
) -> Timings:
    """Time decisions on random examples by each contestant in turn until `until(decisions so far)`."""
    timings: Timings = {name: [] for name in contestants}
    names = list(contestants)
    done = 0
    while not until(done):
        example = store.examples.get(rng.choice(ids))
        assert example is not None
        changed = decided(example, rng.choice(STATUSES))
        rng.shuffle(names)
        for name in names:
            began = time.perf_counter()
            contestants[name](changed)
            timings[name].append(time.perf_counter() - began)
        done += 1
    return timings


def measure_decisions(report: Report, folder: Path, store: Store, size: int, decisions: int) -> None:
    rng = random.Random(size)
    ids = store.examples.ids()
    wal = Sqlite(folder / "wal.sqlite", "WAL", iter(store.examples))
    rollback = Sqlite(folder / "delete.sqlite", "DELETE", iter(store.examples))
    raw = RawAppend(folder / "raw.log")
    contestants: Contestants = {
        "store": store.examples.put,
        "raw append + fsync": raw.decide,
        "SQLite WAL": wal.decide,
        "SQLite rollback journal": rollback.decide,
    }
    quiet = take_turns(store, contestants, ids, lambda done: done >= decisions, rng)
    start_folding(store, ids, rng)
    folding = take_turns(
        store, contestants, ids, lambda done: done >= decisions or not (store.folding or done < 100), rng
    )
    during = len(folding["store"])
    together = {name: quiet[name] + folding[name] for name in contestants}
    bound = 2 * percentile(together["raw append + fsync"], 0.99)
    sqlite = percentile(together["SQLite WAL"], 0.99)
    label = f"{size:,}"
    for name in contestants:
        bar = min(bound, sqlite) if name == "store" else None
        report.add(f"{label}: a decision, median, {name}", 1e3 * percentile(together[name], 0.5), "ms")
        limit = None if bar is None else 1e3 * bar
        report.add(
            f"{label}: a decision, p99, {name}", 1e3 * percentile(together[name], 0.99), "ms", at_most=limit
        )
    report.add(f"{label}: decisions timed while folding", during, "decisions")
    for name in contestants:
        p99 = 1e3 * percentile(folding[name], 0.99)
        both = (percentile(folding["SQLite WAL"], 0.99), 2 * percentile(folding["raw append + fsync"], 0.99))
        report.add(
            f"{label}: a decision while folding, p99, {name}",
            p99,
            "ms",
            at_most=1e3 * min(both) if name == "store" else None,
        )


def start_folding(store: Store, ids: list[str], rng: random.Random) -> None:
    """Change examples in bulk until so much is outdated that folding begins by itself."""
    while not store.folding:
        batch = (store.examples.get(id_) for id_ in rng.sample(ids, 2_000))
        store.examples.put_many([decided(e, rng.choice(STATUSES)) for e in batch if e is not None])


def measure_filter(report: Report, store: Store, size: int) -> None:
    def timed(call: Callable[[], object]) -> float:
        times = []
        for _ in range(20):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
        return 1e3 * percentile(times, 0.95)

    bar = 30 if size >= 170_000 else None
    wanted = {"status": Status.PENDING, "category": "technical"}
    found = store.examples.count(**wanted)
    ids = timed(lambda: store.examples.ids(**wanted))
    page = timed(lambda: store.examples.find(limit=50, offset=found // 2, **wanted))
    report.add(f"{size:,}: filter by status and category, all {found:,} ids, p95", ids, "ms", at_most=bar)
    report.add(f"{size:,}: filter, a page of 50 documents from the middle, p95", page, "ms", at_most=bar)
    report.add(
        f"{size:,}: count by status and category, p95", timed(lambda: store.examples.count(**wanted)), "ms"
    )


CHILD = """
import sys, time
from pathlib import Path
from store.database import Store
began, worked = time.perf_counter(), time.process_time()
store = Store.open(Path(sys.argv[1]))
took, worked = time.perf_counter() - began, time.process_time() - worked
import psutil
print(took, worked, psutil.Process().memory_info().rss / 1e6, len(store.examples))
"""


def measure_opening(
    report: Report, folder: Path, size: int, when: str, bars: tuple[float | None, float | None]
) -> None:
    """Open the store in processes of its own: the time without the imports, the memory with them."""
    results = []
    for _ in range(5):
        arguments = [sys.executable, "-c", CHILD, str(folder)]
        root = Path(__file__).resolve().parent.parent
        output = subprocess.run(
            arguments, cwd=root, check=True, capture_output=True, text=True
        ).stdout.split()
        took, worked, megabytes, count = map(float, output)
        assert count == size
        results.append((took, worked, megabytes))
    seconds, processor, memory = (percentile(list(column), 0.5) for column in zip(*results, strict=True))
    report.add(f"{size:,}: open {when}, median of 5", seconds, "s", at_most=bars[0])
    report.add(f"{size:,}: open {when}, processor time of it", processor, "s")
    report.add(
        f"{size:,}: memory of a process with the store alone, {when}", memory, "MB (RSS)", at_most=bars[1]
    )


def measure_plain(report: Report, folder: Path, size: int) -> None:
    """What the same decision costs in TinyDB as it comes."""
    database = TinyDB(folder / "plain.json")
    table = database.table("examples")
    table.insert_multiple(example.model_dump(mode="json") for example in make_examples(size))
    ids = [example.id for example in make_examples(3)]
    times = []
    for id_ in ids if size <= BATCH else ids[:1]:
        began = time.perf_counter()
        table.update({"status": "accepted"}, where("id") == id_)
        times.append(time.perf_counter() - began)
    database.close()
    report.add(f"{size:,}: a decision, plain TinyDB", 1e3 * percentile(times, 0.5), "ms")


async def longest_hold(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Return for how long, in ms, the event loop could not run while `work()` was awaited.

    First by the clock, then in processor time of this process, which leaves out what other programs took.
    """
    longest = processor = 0.0
    task = asyncio.ensure_future(work())
    while not task.done():
        began, worked = time.perf_counter(), time.process_time()
        await asyncio.sleep(0.001)
        longest = max(longest, time.perf_counter() - began - 0.001)
        processor = max(processor, time.process_time() - worked)
    await task
    return 1e3 * longest, 1e3 * processor


def measure_event_loop(report: Report, folder: Path, size: int) -> None:
    async def measure() -> dict[str, tuple[float, float]]:
        opened: list[AsyncStore] = []

        async def open_() -> None:
            opened.append(await AsyncStore.open(folder))

        opening = await longest_hold(open_)
        batch = list(make_examples(BATCH, seed=11))
        gc.collect()
        inserting = await longest_hold(lambda: opened[0].write(lambda store: store.examples.put_many(batch)))
        await opened[0].close()
        return {"opening": opening, "inserting 17,000": inserting}

    # A dict of 170,000 that grows holds the interpreter for longer by itself.
    bar = 16 if size <= BATCH else None
    for what, (clock, processor) in asyncio.run(measure()).items():
        report.add(f"{size:,}: the event loop held, {what}, longest", clock, "ms", at_most=bar)
        report.add(f"{size:,}: the event loop held, {what}, processor time", processor, "ms")


def measure_size(report: Report, folder: Path, size: int, decisions: int) -> None:
    database = folder / "db"
    examples = list(make_examples(size))
    with Store.open(database) as store:
        began = time.perf_counter()
        store.examples.put_many(examples[:BATCH])
        took = time.perf_counter() - began
        for start in range(BATCH, size, BATCH):
            store.examples.put_many(examples[start : start + BATCH])
        del examples
        megabytes = sum(path.stat().st_size for path in (database / "journal").iterdir()) / 1e6
        report.add(f"{size:,}: the journal", megabytes, "MB")
        report.add(f"{size:,}: bulk insert of the first 17,000", took, "s", at_most=2)
    small = size <= BATCH
    bars = (0.25 if small else 3.0, 120.0 if small else None)
    measure_opening(report, database, size, "after the import", bars)
    with Store.open(database) as store:
        measure_filter(report, store, size)
        measure_decisions(report, folder, store, size, decisions)
    measure_opening(report, database, size, "after decisions and folding", bars)
    measure_event_loop(report, database, size)
    measure_plain(report, folder, size)


def main() -> int:
    parser = argparse.ArgumentParser(description="The store's bars, beside TinyDB, fsync and SQLite.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--sizes", default="17000,170000", help="numbers of examples, separated by commas")
    parser.add_argument(
        "--decisions", type=int, default=2000, help="decisions in quiet, and at most while folding"
    )
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where to work, on a real disk")
    options = parser.parse_args()
    report = Report("store")
    kind = file_system(options.folder)
    report.notes["file_system"] = kind
    if kind in ("tmpfs", "ramfs"):
        print(
            f"{options.folder} is in memory ({kind}); give a folder on a real disk with --folder",
            file=sys.stderr,
        )
        return 2
    for size in map(int, options.sizes.split(",")):
        folder = Path(tempfile.mkdtemp(prefix=".bench-store-", dir=options.folder))
        try:
            measure_size(report, folder, size, options.decisions)
        finally:
            shutil.rmtree(folder)
            os.sync()
    return report.show(as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
