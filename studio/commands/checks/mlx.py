"""MLX: does it compute, on what, and how fast."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

from studio.commands.checks.base import Check

SLOW_GFLOPS = 20.0
"""The reference BLAS of MLX's Linux wheel gives about 4, a fast one 60 and more (two cores)."""

_SECONDS = 120


def check_mlx() -> Check:
    """Measure a float32 matrix product in a process of its own: a fault in MLX must not take `doctor` along."""
    try:
        measured = subprocess.run(
            [sys.executable, "-m", "studio.commands.checks.matmul"],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Check("mlx", "failed", f"no answer in {_SECONDS} s", "Look at what else the machine is doing.")
    try:
        result = json.loads(measured.stdout)
        device, blas, gflops = str(result["device"]), result["blas"], float(result["gflops"])
    except (ValueError, KeyError, TypeError):
        last = measured.stderr.strip().splitlines()[-1:] or [f"exit code {measured.returncode}"]
        return Check("mlx", "failed", last[0], "Install MLX again: pip install --force-reinstall mlx mlx-lm")
    library = f", {blas}" if blas else ""
    found = f"{device}{library}, {gflops:,.0f} GFLOP/s (float32)"
    if gflops < SLOW_GFLOPS:
        return Check("mlx", "warning", found, _faster())
    return Check("mlx", "ok", found)


def _faster() -> str:
    if sys.platform != "linux":
        return "Close what else uses the processor, then measure again."
    if platform.machine() == "x86_64":
        return "Install a fast BLAS: pip install mkl"
    return "Install a fast BLAS: apt-get install libopenblas0-pthread"
