"""Keeping Python's garbage collector out of work that makes no garbage but much for it to look at."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Hold the collector back in this block.

    A full collection visits every object of the process and lets no other thread run meanwhile: with 17,000
    examples in somebody's hands that is a third of a second in which the screen stands still.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
