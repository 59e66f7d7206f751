"""Why a run's process is gone, from what MLX and the system wrote last: on Metal such failures abort the process."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Cause = Literal["memory", "watchdog", "killed"]

_TAIL_BYTES = 16_384
_WORDS: tuple[tuple[Cause, tuple[str, ...]], ...] = (
    (
        "watchdog",
        (
            "gpu timeout",
            "callbackerrortimeout",
            "callbackerrorimpactinginteractivity",
            "impacting interactivity",
        ),
    ),
    (
        "memory",
        (
            "insufficient memory",
            "callbackerroroutofmemory",
            "unable to allocate",
            "attempting to allocate",
            "bad_alloc",
            "out of memory",
            "cannot allocate memory",
        ),
    ),
)
"""What the messages of MLX (0.32: `[METAL] Command buffer execution failed: …`, `[malloc] Unable to allocate …`),
of Metal (kIOGPUCommandBufferCallbackError…) and of C++ have in them."""


def cause_of(text: str) -> Cause | None:
    """Return what a message is about, None where that is not known."""
    lower = text.lower()
    return next((cause for cause, words in _WORDS if any(word in lower for word in words)), None)


def cause_in_log(log: Path) -> Cause:
    """Return why a process that ended without a word did so; `killed` where its log does not tell."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            tail = file.read().decode("utf-8", "replace")
    except OSError:
        return "killed"
    return cause_of(tail) or "killed"
