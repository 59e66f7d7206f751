"""Keeping Python's garbage collector out of work that makes no garbage but much for it to look at."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_NEVER = 1_000_000
"""Collections of younger objects between two of the oldest."""


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


@contextmanager
def no_full_collection() -> Iterator[None]:
    """Put off the collection of the oldest objects: with thousands of lines drawn it takes a tenth of a second.

    Younger ones are collected as ever, and what has no cycles goes at once anyway.
    """
    before = gc.get_threshold()
    gc.set_threshold(before[0], before[1], _NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
