"""What every benchmark prints: a table for people, or with `--json` one object with the machine and the rows."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `bar` is what it must keep, such as `≤ 0.25`; None where it is only for comparison."""

    name: str
    value: float
    unit: str
    bar: str | None = None
    ok: bool | None = None


@dataclass(slots=True)
class Report:
    """The figures of one benchmark, in the order they were measured."""

    title: str
    rows: list[Row] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    """What else one must know to judge the figures, such as the disk that was written."""

    def add(self, name: str, value: float, unit: str, *, at_most: float | None = None) -> None:
        """Add a figure, with the most that it may be."""
        self._add(name, value, unit, "≤", at_most, at_most is None or value <= at_most)

    def add_at_least(self, name: str, value: float, unit: str, *, at_least: float) -> None:
        """Add a figure with the least that it must be."""
        self._add(name, value, unit, "≥", at_least, value >= at_least)

    @property
    def ok(self) -> bool:
        """Return whether every figure keeps its bar."""
        return all(row.ok is not False for row in self.rows)

    def show(self, *, as_json: bool) -> int:
        """Print the report and return the exit code: 0 when every bar is kept, 1 when not."""
        if as_json:
            about = {"benchmark": self.title, "machine": machine(), **self.notes}
            print(json.dumps({**about, "rows": [asdict(row) for row in self.rows]}, ensure_ascii=False))
        else:
            self._table()
        return 0 if self.ok else 1

    def _add(self, name: str, value: float, unit: str, sign: str, bar: float | None, ok: bool) -> None:
        text = None if bar is None else f"{sign} {bar:.4g}"
        self.rows.append(Row(name, round(value, 6), unit, text, None if bar is None else ok))
        if sys.stderr.isatty():
            print(f"  {name}: {value:.4g} {unit}", file=sys.stderr)

    def _table(self) -> None:
        from rich.console import Console
        from rich.table import Table

        table = Table(title=self.title, title_justify="left")
        table.add_column("figure")
        table.add_column("value", justify="right")
        table.add_column("unit")
        table.add_column("bar", justify="right")
        table.add_column("")
        marks = {True: "[green]kept[/]", False: "[red]missed[/]", None: ""}
        for row in self.rows:
            table.add_row(row.name, f"{row.value:.4g}", row.unit, row.bar or "", marks[row.ok])
        console = Console()
        console.print(table)
        described = {**machine(), **self.notes}
        console.print(
            " · ".join(f"{key}: {value}" for key, value in described.items()), style="dim", markup=False
        )


def machine() -> dict[str, Any]:
    """Return what a reader needs to know of the machine to judge a figure; nothing that names it."""
    return {
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
    }


def file_system(folder: Path) -> str:
    """Return the type of the file system that `folder` is on; `tmpfs` is memory and no measure of a disk."""
    best, kind = "", "unknown"
    resolved = str(folder.resolve())
    for partition in psutil.disk_partitions(all=True):
        mount = partition.mountpoint
        inside = resolved == mount or resolved.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, partition.fstype
    return kind


def percentile(values: list[float], share: float) -> float:
    """Return the value that `share` (in 0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
