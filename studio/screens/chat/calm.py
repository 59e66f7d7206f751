"""No full garbage collection while something moves on the screen."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_NEVER = 1_000_000


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
