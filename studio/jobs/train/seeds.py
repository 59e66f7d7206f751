"""Seeds that follow from a run's own seed and a place in it, so that no random state has to be saved."""

from __future__ import annotations

import numpy as np


def seed_of(*parts: int) -> int:
    """Return 64 well-mixed bits that follow from `parts` (non-negative) alone."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0])
