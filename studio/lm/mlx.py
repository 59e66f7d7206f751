"""MLX with the fast BLAS already in place: the only module that imports `mlx`."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any, TypeAlias

from studio.lm.blas import load_fast_blas

load_fast_blas()
# macOS kills kernels that take long while its display is on (mlx issue 3267); other systems ignore this.
os.environ.setdefault("AGX_RELAX_CDM_CTXSTORE_TIMEOUT", "1")

import mlx.core as mx  # noqa: E402 - the BLAS has to be there first

__all__ = [
    "Module", "load_arrays", "mx", "nn", "on_metal", "optim", "tree_flatten", "tree_map", "tree_unflatten",
]  # fmt: skip

# MLX's own annotations of these do not pass --strict, so they come in untyped.
nn: Any = importlib.import_module("mlx.nn")
optim: Any = importlib.import_module("mlx.optimizers")
_utils: Any = importlib.import_module("mlx.utils")
tree_flatten, tree_map, tree_unflatten = _utils.tree_flatten, _utils.tree_map, _utils.tree_unflatten

Module: TypeAlias = Any
"""An `nn.Module`."""


def on_metal() -> bool:
    """Say whether MLX computes on a GPU of Apple's; otherwise it computes on the CPU, in float32."""
    return bool(mx.metal.is_available()) and mx.default_device() == mx.Device(mx.gpu)


def load_arrays(file: Path) -> dict[str, mx.array]:
    """Read a safetensors file.

    Raises:
        RuntimeError, ValueError: it is missing or damaged.
    """
    loaded = mx.load(str(file))
    if not isinstance(loaded, dict):
        raise ValueError(f"{file.name} holds no named arrays")  # noqa: TRY004 - the file is wrong, not a type
    return loaded
