"""The fast BLAS comes before MLX, everywhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from studio.lm.blas import load_fast_blas, usable_cores

ROOT = Path(__file__).parents[3]
MEASURE = """
import sys, time
if sys.argv[1] == "fast":
    import studio.lm.mlx
import mlx.core as mx
a = mx.random.normal((512, 512))
mx.eval(a @ a)
began = time.process_time()
mx.eval(a @ a)
print(time.process_time() - began)
"""


def seconds(kind: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, kind],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return float(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has Accelerate")
def test_matrix_products_run_in_the_fast_library() -> None:
    if load_fast_blas() is None and "mlx.core" not in sys.modules:
        pytest.skip("no fast BLAS is installed here")
    assert seconds("fast") * 4 < seconds("plain")


def test_at_least_one_core_is_usable() -> None:
    assert usable_cores() >= 1


def test_only_one_module_imports_mlx_itself() -> None:
    imports = re.compile(r"^\s*(?:import mlx\b(?!_)|from mlx\b(?!_))", re.MULTILINE)
    found = {
        str(path.relative_to(ROOT))
        for package in ("studio", "widgets", "store")
        for path in (ROOT / package).rglob("*.py")
        if imports.search(path.read_text(encoding="utf-8"))
    }
    assert found <= {"studio/lm/mlx.py", "studio/commands/checks/matmul.py"}
