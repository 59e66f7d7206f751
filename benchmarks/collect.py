"""Collecting ten thousand files: for the first time, and again when nothing has changed.

    python benchmarks/collect.py [--json] [--files 10000] [--folder DIR]

Each file is a few kilobytes of Python, Rust, Go, TypeScript or Markdown, in some hundred folders with a .gitignore.
*Again* is the job in an open workspace; *the command* is `jessy-studio collect` with everything that it starts.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.report import Report, file_system
from store.live import AsyncStore
from studio.jobs.collect.job import Spec, run
from studio.jobs.events import Finished
from studio.workspace import Workspace

BAR_SECONDS = 2.0
PER_FOLDER = 40
SOURCES = """\
[[source]]
category = "technical"
root = "project"
include = ["**/*.py", "**/*.rs", "**/*.go", "**/*.ts"]
exclude = ["vendor"]

[[source]]
category = "consciousness"
root = "project"
include = ["**/*.md"]
"""
FORMS = {
    "py": 'def scan_{n}_{m}(axis: int) -> int:\n    """Hold axis {n} still."""\n    total = axis * {m}\n'
    "    return total\n\n\n",
    "rs": "/// Holds axis {n} still.\npub fn scan_{n}_{m}(axis: usize) -> usize {{\n    axis * {m}\n}}\n\n",
    "go": "// Scan{n}x{m} holds an axis still.\nfunc Scan{n}x{m}(axis int) int {{\n\treturn axis * {m}\n}}\n\n",
    "ts": "/** Holds axis {n} still. */\nexport function scan{n}x{m}(axis: number): number {{\n"
    "  return axis * {m};\n}}\n\n",
    "md": "## Axis {n}.{m}\n\nHold all axes still but one, and walk along it until the problem changes. " * 2
    + "\n\n",
}
PIECES = 4


def fill(project: Path, files: int) -> None:
    """Write the files, a fifth of each kind."""
    endings = list(FORMS)
    for number in range(files):
        folder = project / f"part{number // PER_FOLDER // 20}" / f"section{number // PER_FOLDER % 20}"
        if number % PER_FOLDER == 0:
            folder.mkdir(parents=True, exist_ok=True)
        ending = endings[number % len(endings)]
        head = "package nav\n\n" if ending == "go" else ""
        body = "".join(FORMS[ending].format(n=number, m=piece) for piece in range(PIECES))
        (folder / f"file{number}.{ending}").write_text(head + body, encoding="utf-8")
    (project / ".gitignore").write_text(
        "target/\nnode_modules/\n*.log\n!keep.log\n/build\n", encoding="utf-8"
    )
    (project / "node_modules").mkdir()


async def collect(workspace: Workspace, store: AsyncStore) -> tuple[float, Finished]:
    """Run the job once; return its seconds and its end."""
    began = time.perf_counter()
    last = None
    async for event in run(Spec(), workspace, store):
        last = event
    assert isinstance(last, Finished)
    return time.perf_counter() - began, last


async def measure(report: Report, workspace: Workspace, files: int) -> None:
    """Collect three times, and once more by the command."""
    store = await AsyncStore.open(workspace.database)
    try:
        first, end = await collect(workspace, store)
        assert end.result["files"] == files, end.result["files"]
        report.add(f"{files:,} files, the first time", first, "s")
        report.add("documents", float(end.result["documents"]), "documents")  # type: ignore[arg-type]
        again = []
        processor = time.process_time()
        for _ in range(3):
            seconds, end = await collect(workspace, store)
            assert end.result["documents"] == 0
            again.append(seconds)
        processor = (time.process_time() - processor) / len(again)
        report.add(f"{files:,} unchanged files, again", sorted(again)[1], "s", at_most=BAR_SECONDS)
        report.add("its processor time", processor, "s")
        changed = next((workspace.root / "project").rglob("*.py"))
        changed.write_text(
            changed.read_text(encoding="utf-8").replace("total", "sum_of_all"), encoding="utf-8"
        )
        seconds, end = await collect(workspace, store)
        assert end.result["documents"] == PIECES
        report.add("one of them changed", seconds, "s")
    finally:
        await store.close()
    command = [sys.executable, "-m", "studio", "collect", "-w", str(workspace.root), "--json"]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=Path(__file__).resolve().parent.parent)
    report.add("the whole command, nothing changed", time.perf_counter() - began, "s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="collect-", dir=options.folder))
    report = Report("collect", notes={"file system": file_system(folder)})
    try:
        workspace = Workspace.create(folder / "ws")
        workspace.sources_file.write_text(SOURCES, encoding="utf-8")
        fill(workspace.root / "project", options.files)
        asyncio.run(measure(report, workspace, options.files))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.add("memory at its highest", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")
    return report.show(as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
