"""What a check of the machine says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GIB = 1024**3


@dataclass(frozen=True)
class Check:
    """One line of `doctor`."""

    name: str
    state: Literal["ok", "warning", "failed"]
    """`warning`: works, or is optional; `failed`: the studio cannot do its work without it."""
    found: str
    fix: str = ""
    """What to do, where something is missing."""
