"""`python -m studio.commands.checks.matmul` measures one float32 matrix product in MLX and prints it as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from studio.lm.blas import load_fast_blas

_SIDE = 1024
_SECONDS = 1.0
_FLOP = 2 * _SIDE**3
"""A multiplication and an addition for each term of each element."""


def measure() -> dict[str, str | float | None]:
    """Return the device, the BLAS that was loaded and the best GFLOP/s of products of 1,024 × 1,024."""
    library = load_fast_blas()

    import mlx.core as mx

    left, right = mx.random.normal((_SIDE, _SIDE)), mx.random.normal((_SIDE, _SIDE))
    mx.eval(left, right)
    mx.eval(left @ right)  # warm: threads are started, kernels compiled
    best = float("inf")
    end = time.monotonic() + _SECONDS
    while True:
        begun = time.perf_counter()
        mx.eval(left @ right)
        best = min(best, time.perf_counter() - begun)
        if time.monotonic() > end:
            break
    device = "Metal GPU" if mx.default_device().type == mx.DeviceType.gpu else "CPU"
    name = Path(library).name if library else None
    return {"device": device, "blas": name, "gflops": _FLOP / best / 1e9}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()) + "\n")
