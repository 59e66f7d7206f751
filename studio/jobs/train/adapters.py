"""LoRA adapters on a model, in mlx-lm's own format on the disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from studio.jobs.train.config import TrainingConfig
from studio.lm.errors import DamagedModelError
from studio.lm.mlx import Module, load_arrays, mx, nn, tree_flatten

WEIGHTS = "adapters.safetensors"
CONFIG = "adapter_config.json"


def attach(model: Module, config: TrainingConfig) -> dict[str, Any]:
    """Freeze the model and put fresh adapters on it; return what adapter_config.json says of them.

    The first values follow from the seed alone: A uniform, B zero, so that the model answers as before.

    Raises:
        DamagedModelError: the model has no layer of the kind that is wanted.
    """
    from mlx_lm.tuner.utils import linear_to_lora_layers

    keys = _keys(model, config.targets)
    if not keys:
        raise DamagedModelError(
            f"The base has no {config.targets} projections to adapt.", to_do="Choose targets = all-linear."
        )
    parameters = {"rank": config.rank, "scale": config.scale, "dropout": config.dropout, "keys": keys}
    layers = min(config.layers or len(model.layers), len(model.layers))
    mx.random.seed(config.seed)
    model.freeze()
    linear_to_lora_layers(model, layers, {**parameters, "keys": set(keys)}, use_dora=config.adapter == "dora")
    mx.eval(model.trainable_parameters())
    return {"fine_tune_type": config.adapter, "num_layers": layers, "lora_parameters": parameters}


def _keys(model: Module, targets: str) -> list[str]:
    """Return the names, inside a layer, of the projections to adapt."""
    found = {
        name
        for layer in model.layers
        for name, module in layer.named_modules()
        if isinstance(module, nn.Linear | nn.QuantizedLinear)
    }
    if targets == "attention":
        found = {name for name in found if "attn" in name or "attention" in name}
    return sorted(found)


def save_adapters(model: Module, config: dict[str, Any], folder: Path) -> None:
    """Write the adapters into the existing `folder`, as `mlx_lm.load(adapter_path=…)` reads them."""
    mx.save_safetensors(str(folder / WEIGHTS), dict(tree_flatten(model.trainable_parameters())))
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def load_adapters(model: Module, folder: Path) -> None:
    """Take the adapters' values from `folder`; the model has adapters of the same shape already.

    Raises:
        DamagedModelError: the file is missing, unreadable, or for adapters of another shape.
    """
    try:
        values = load_arrays(folder / WEIGHTS)
    except (OSError, ValueError, RuntimeError) as error:
        raise DamagedModelError(
            f"The adapters in {folder.name} cannot be read: {error}", to_do="Choose another checkpoint."
        ) from error
    ours = dict(tree_flatten(model.trainable_parameters()))
    if _shapes(values) != _shapes(ours):
        raise DamagedModelError(
            f"The adapters in {folder.name} have another rank or other layers than this run's.",
            to_do="Choose the rank, layers and targets of the run that they are from.",
        )
    model.load_weights(list(values.items()), strict=False)
    mx.eval(model.trainable_parameters())


def _shapes(arrays: dict[str, mx.array]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(array.shape) for name, array in arrays.items()}
