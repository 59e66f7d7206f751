"""A fast BLAS before MLX: its Linux wheel is linked to the reference BLAS, 25 to 100 times slower."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import site
import sys
from functools import cache
from pathlib import Path

_DEBIAN_OPENBLAS = (
    "/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0",
    "/usr/lib/aarch64-linux-gnu/openblas-pthread/libopenblas.so.0",
    "/usr/lib64/libopenblasp.so.0",
)


@cache
def load_fast_blas() -> str | None:
    """Load MKL or OpenBLAS so that MLX's matrix products run in it; call it before MLX is imported.

    The library's symbols become global, and `libmlx` resolves `cblas_sgemm` from there. Thread counts that
    the environment sets already are respected. Modules get this for free by importing MLX from
    `studio.lm.mlx`, never from `mlx` itself.

    Returns:
        The path of the library that was loaded; None on macOS (Accelerate is fast as it is), where no fast
        library is installed, and where MLX was imported before (too late to matter).
    """
    if sys.platform != "linux" or "mlx.core" in sys.modules:
        return None
    _set_threads(usable_cores())
    for candidate in [*_mkl_libraries(), *_openblas_libraries()]:
        try:
            ctypes.CDLL(candidate, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return candidate
    return None


def blas_threads() -> int:
    """Return how many threads a matrix product uses; a resumed run compares it, since sums depend on it."""
    for name in ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "")
        if value.isdecimal():
            return int(value)
    return usable_cores()


def usable_cores() -> int:
    """Return the number of physical cores that this process may use, at least 1."""
    import psutil

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


def _set_threads(cores: int) -> None:
    """Fix the thread count, so that the same run gives the same bits whatever else the machine does."""
    os.environ.setdefault("MKL_NUM_THREADS", str(cores))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(cores))
    os.environ.setdefault("MKL_DYNAMIC", "FALSE")
    # Threads that spin for 0.2 s after each product would take the core that MLX's own work needs.
    os.environ.setdefault("KMP_BLOCKTIME", "0")


def _mkl_libraries() -> list[str]:
    roots = [Path(sys.prefix), Path(sys.base_prefix), Path(site.getuserbase())]
    return [str(path) for root in roots for path in sorted((root / "lib").glob("libmkl_rt.so*"))]


def _openblas_libraries() -> list[str]:
    found = ctypes.util.find_library("openblas")
    return [path for path in _DEBIAN_OPENBLAS if Path(path).is_file()] + ([found] if found else [])
