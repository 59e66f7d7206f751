"""The machine itself: disk, memory and terminal."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from studio.commands.checks.base import GIB, Check
from widgets.format import size

_DISK_NEEDED, _DISK_WISHED = 1 * GIB, 10 * GIB
_MEMORY_NEEDED, _MEMORY_WISHED = 2 * GIB, 6 * GIB
_COLUMNS, _LINES = 80, 24


def check_disk(folder: Path) -> Check:
    """Say what is free where the workspace is; a fused model and its import need twice the model's size."""
    free = shutil.disk_usage(folder).free
    found = f"{size(free)} free in {folder}"
    if free < _DISK_NEEDED:
        return Check("disk", "failed", found, f"Free some space: at least {size(_DISK_NEEDED)}.")
    if free < _DISK_WISHED:
        return Check(
            "disk", "warning", found, "Enough for the embedded base; larger ones need 10 GB and more."
        )
    return Check("disk", "ok", found)


def check_memory() -> Check:
    """Say what is there and what is free of it."""
    import psutil

    memory = psutil.virtual_memory()
    found = f"{size(memory.available)} free of {size(memory.total)}"
    if memory.available < _MEMORY_NEEDED:
        fix = "Close programs, or unload Ollama's models (ollama stop MODEL), before training."
        return Check("memory", "failed" if memory.total < _MEMORY_NEEDED else "warning", found, fix)
    if memory.available < _MEMORY_WISHED:
        return Check("memory", "warning", found, "Enough for the embedded base; a 2B model needs about 6 GB.")
    return Check("memory", "ok", found)


def check_terminal() -> Check:
    """Say what the terminal can show; a pipe is no fault."""
    if not sys.stdout.isatty():
        return Check("terminal", "ok", "none: this is a pipe")
    from rich.console import Console

    columns, lines = shutil.get_terminal_size()
    colours = (
        "no colours (NO_COLOR)" if os.environ.get("NO_COLOR") else Console().color_system or "no colours"
    )
    # The program's own stream: while something moves on the screen, `sys.stdout` is Rich's.
    encoding = sys.__stdout__.encoding if sys.__stdout__ else "no encoding"
    found = f"{columns}×{lines}, {colours}, {encoding}, TERM={os.environ.get('TERM', '')}"
    if encoding.lower().replace("-", "") != "utf8":
        return Check("terminal", "warning", found, "Set a UTF-8 locale: export LANG=C.UTF-8")
    if columns < _COLUMNS or lines < _LINES:
        return Check("terminal", "warning", found, f"Make it at least {_COLUMNS}×{_LINES}.")
    return Check("terminal", "ok", found)
