"""Find the rhythm in which an error returns, from its timestamps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median, pstdev


def period(timestamps: Sequence[float], tolerance: float = 0.1) -> float | None:
    """Return the period in seconds when events return regularly, else None.

    Three events are the least: two always look regular. Regular means that the gaps spread by no more than
    `tolerance` of their median.
    """
    ordered = sorted(timestamps)
    gaps = [later - earlier for earlier, later in pairwise(ordered)]
    if len(gaps) < 2:
        return None
    typical = median(gaps)
    if typical <= 0 or pstdev(gaps) > tolerance * typical:
        return None
    return typical


def suspects(period_seconds: float, jobs: dict[str, float], tolerance: float = 0.05) -> list[str]:
    """Return the names of the jobs that beat in the same rhythm, the closest first.

    It is resonance: a hint where to look first. The job's log has to confirm it.
    """
    close = {
        name: abs(beat - period_seconds)
        for name, beat in jobs.items()
        if abs(beat - period_seconds) <= tolerance * period_seconds
    }
    return sorted(close, key=close.__getitem__)
