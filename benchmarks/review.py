"""The review's bars: a person's keys on the real screen, and filters, search and bulk acts beside them.

    python benchmarks/review.py [--json] [--sizes 17000,170000] [--keys 300] [--folder DIR]

The studio runs headless at 160×50 on a workspace of its own, each size in a process of its own. A *key* is over when
the next example is painted and the decision is on the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.report import Report, file_system, percentile
from benchmarks.rivals import make_examples
from store.database import Store
from studio.app import StudioApp
from studio.jobs.review.filters import Filter
from studio.workspace import Workspace

if TYPE_CHECKING:
    from textual.pilot import Pilot

BATCH = 17_000
BURST = 200
BULK = 10_000
SEARCHES = ("örüntü", "ÖRÜNTÜ kalıp", "iteration crystal", "IŞIK", "resonance", "nothing has this")
FILTERS: tuple[dict[str, Any], ...] = (
    {"status": "pending"},
    {"status": "pending", "category": "technical", "slot": "topic-3"},
    {"language": "mixed", "teacher": "offline", "run": "j1"},
    {"status": "pending", "order": "worst"},
)


class Timer:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    @property
    def ms(self) -> float:
        return 1e3 * (time.perf_counter() - self._began)


async def painted(screen: Any) -> None:
    """Wait for the frame that shows what has changed."""
    done = asyncio.Event()
    screen.call_after_refresh(done.set)
    await done.wait()


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


async def longest_hold(work: Awaitable[object]) -> float:
    """Return for how many ms at most the event loop, and so every key, had to wait while `work` was awaited."""
    task, longest = asyncio.ensure_future(work), 0.0
    while not task.done():
        timer = Timer()
        await asyncio.sleep(0.001)
        longest = max(longest, timer.ms - 1)
    await task
    return longest


async def measure_first_paint(report: Report, pilot: Pilot[None], size: int) -> None:
    from widgets.conversation_pane import ConversationPane

    app = pilot.app
    timer = Timer()
    app.action_show("review")
    await until(lambda: app.screen.MODE == "review" and app.screen.query(ConversationPane))
    await until(lambda: app.screen.query_one(ConversationPane).turns)
    await painted(app.screen)
    report.add(f"{size:,}: first paint of the screen", timer.ms, "ms", at_most=300)
    timer = Timer()
    await app.screen.live.ready.wait()
    report.add(f"{size:,}: until all filters and words can be searched", timer.ms / 1e3, "s")


async def measure_keys(report: Report, pilot: Pilot[None], size: int, keys: int) -> None:
    from widgets.conversation_pane import ConversationPane
    from widgets.line_list import LineList

    screen = pilot.app.screen
    shown, rows = screen.query_one(ConversationPane), screen.query_one(LineList)
    times, painting = [], []
    for number in range(keys):
        before, wanted = shown.turns, rows.ids[rows.cursor + 1]
        timer = Timer()
        pilot.app.simulate_key("arfs"[number % 4])
        await until(lambda before=before, wanted=wanted: shown.turns is not before and rows.current == wanted)
        await painted(screen)
        painting.append(timer.ms)
        await screen.acts.done()
        times.append(timer.ms)
        await asyncio.sleep(0.01)
    report.add(f"{size:,}: key to next example painted, median", percentile(painting, 0.5), "ms")
    report.add(f"{size:,}: key to next example painted, p95", percentile(painting, 0.95), "ms", at_most=50)
    report.add(f"{size:,}: the same, and durably stored, p95", percentile(times, 0.95), "ms", at_most=50)

    listed, first = list(rows.ids), rows.cursor
    wanted = ["accepted" if number % 2 else "rejected" for number in range(BURST)]
    timer = Timer()
    for status in wanted:
        pilot.app.simulate_key("a" if status == "accepted" else "r")
    await until(lambda: rows.cursor == first + BURST)
    await screen.acts.done()
    took = timer.ms
    ids = listed[first : first + BURST]
    store = pilot.app.session.store
    found = await store.run(lambda s: [s.examples.get(key).status.value for key in ids])
    report.add(
        f"{size:,}: {BURST} keys at once, all obeyed in order", float(found == wanted), "", at_most=None
    )
    report.add_at_least(f"{size:,}: keys a second in such a burst", 1e3 * BURST / took, "keys/s", at_least=20)
    timer = Timer()
    await screen.desk.undo()
    report.add(f"{size:,}: undo", timer.ms, "ms")


async def measure_lists(report: Report, pilot: Pilot[None], size: int) -> None:
    from studio.jobs.review.listing import list_ids

    screen, store = pilot.app.screen, pilot.app.session.store
    large = size >= 170_000

    async def timed(wanted: Filter) -> tuple[float, float]:
        times, hold = [], 0.0
        for _ in range(7):
            timer = Timer()
            await list_ids(store, screen.live, wanted)
            times.append(timer.ms)
        hold = await longest_hold(list_ids(store, screen.live, wanted))
        return percentile(times, 0.9), hold

    for fields in FILTERS:
        took, _ = await timed(Filter(**fields))
        name = ", ".join(f"{key} {value}" for key, value in fields.items())
        report.add(f"{size:,}: filter by {name}, p90", took, "ms", at_most=100)
    for text in SEARCHES:
        took, hold = await timed(Filter(text=text))
        report.add(f"{size:,}: search for “{text}”, p90", took, "ms", at_most=300 if large else 100)
        report.add(f"{size:,}: a key waits for it at most", hold, "ms", at_most=50)
    timer = Timer()
    for dimension in ("signal", "slot", "recipe"):
        screen.live.catalog.counts(Filter(status="pending"), dimension)
    report.add(f"{size:,}: counts of a dimension for the filter bar", timer.ms / 3, "ms")


async def measure_bulk(report: Report, pilot: Pilot[None], size: int) -> None:
    screen, store = pilot.app.screen, pilot.app.session.store
    ids = (await store.run(lambda s: s.examples.ids()))[:BULK]
    timer = Timer()
    holding = asyncio.ensure_future(longest_hold(screen.desk.decide_all(ids, "accept")))
    hold = await holding
    report.add(f"{size:,}: bulk accept of {BULK:,}", timer.ms / 1e3, "s", at_most=1)
    report.add(f"{size:,}: a key waits for it at most", hold, "ms")
    timer = Timer()
    undone = await screen.desk.undo()
    assert len(undone) == len(ids)
    report.add(f"{size:,}: its undo", timer.ms / 1e3, "s")


async def measure_memory(report: Report, pilot: Pilot[None], size: int) -> None:
    from widgets.line_list import LineList

    screen = pilot.app.screen
    rows = screen.query_one(LineList)
    ids = await pilot.app.session.store.run(lambda s: s.examples.ids())
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    screen.show_ids(ids)
    shown = tracemalloc.get_traced_memory()[0]
    for place in range(0, len(ids), max(1, len(ids) // 60)):
        rows.cursor = place
        await pilot.pause()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    report.add(f"{size:,}: memory of a list of all, shown", (shown - before) / 1e6, "MB", at_most=2)
    report.add(f"{size:,}: after paging through it in 60 jumps", (after - before) / 1e6, "MB", at_most=40)


async def measure(report: Report, root: Path, size: int, keys: int) -> None:
    app = StudioApp(Workspace(root))
    async with app.run_test(size=(160, 50)) as pilot:
        await until(lambda: app.session is not None)
        await asyncio.sleep(0.5)
        await measure_first_paint(report, pilot, size)
        await until(lambda: not app.jobs)
        await measure_keys(report, pilot, size, keys)
        await measure_lists(report, pilot, size)
        await measure_bulk(report, pilot, size)
        await measure_memory(report, pilot, size)


def make_workspace(root: Path, size: int) -> None:
    workspace = Workspace.create(root)
    with Store.open(workspace.database) as store:
        batch = []
        for example in make_examples(size):
            batch.append(example)
            if len(batch) == BATCH:
                store.examples.put_many(batch)
                batch = []
        store.examples.put_many(batch)


def main() -> int:
    parser = argparse.ArgumentParser(description="The review's bars.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--sizes", default="17000,170000", help="numbers of examples, separated by commas")
    parser.add_argument("--keys", type=int, default=300, help="keys that are timed one by one")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where to work, on a real disk")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    report = Report("review")
    report.notes["file_system"] = file_system(options.folder)
    if options.one:
        asyncio.run(measure(report, options.folder, options.one, options.keys))
        print(json.dumps([[row.name, row.value, row.unit, row.bar, row.ok] for row in report.rows]))
        return 0
    for size in map(int, options.sizes.split(",")):
        folder = Path(tempfile.mkdtemp(prefix=".bench-review-", dir=options.folder))
        try:
            make_workspace(folder / "ws", size)
            environment = os.environ | {
                "JESSY_CONFIG_DIR": str(folder / "config"),
                "OLLAMA_HOST": "127.0.0.1:9",
            }
            command = [sys.executable, __file__, "--one", str(size), "--keys", str(options.keys)]
            ran = subprocess.run(
                [*command, "--folder", str(folder / "ws")],
                env=environment,
                check=True,
                stdout=subprocess.PIPE,
            )
            from benchmarks.report import Row

            report.rows += [Row(*row) for row in json.loads(ran.stdout.splitlines()[-1])]
        finally:
            shutil.rmtree(folder)
    return report.show(as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
