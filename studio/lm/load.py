"""Load a model with its tokenizer, in the number format that is fast on this machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.lm.blas import load_fast_blas
from studio.lm.errors import DamagedModelError
from studio.lm.families import give_template
from studio.lm.template import TemplateError

TEMPLATE = "chat_template"
"""In adapter_config.json: the family whose template the adapter was trained with, on a base without one."""


@dataclass(frozen=True)
class Loaded:
    """A model ready to answer or to be trained."""

    model: Any
    """An mlx-lm model: an `nn.Module` with `layers`."""
    tokenizer: Any
    """mlx-lm's TokenizerWrapper."""
    config: dict[str, Any]
    """The model folder's config.json."""


def load(folder: Path, adapter: Path | None = None, *, template: str | None = None) -> Loaded:
    """Load the model in `folder`, with the LoRA adapter in the folder `adapter` on top.

    On the CPU the weights become float32, since only float32 products go through the BLAS (float16 is 7 times
    slower there); on Metal the model keeps its own type. Quantized weights stay as they are. An adapter that was
    trained with a chosen chat template brings it along; `template` chooses one where there is no adapter.

    Raises:
        DamagedModelError: the folder's files do not make a model, or the adapter does not fit it.
        TemplateError: the adapter's template does not fit the base's tokenizer.
    """
    from studio.lm.mlx import mx, on_metal

    load_fast_blas()
    import mlx_lm.utils

    try:
        parts: tuple[Any, ...] = mlx_lm.utils.load(str(folder), return_config=True, lazy=True)
        model, tokenizer, config = parts
        if adapter is not None:
            model = mlx_lm.utils.load_adapters(model, str(adapter))
            model.eval()
            about = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
            template = about.get(TEMPLATE) or template
        if template is not None:
            give_template(tokenizer, template)
    except TemplateError:
        raise
    except (ValueError, KeyError, TypeError, OSError, RuntimeError) as error:
        named = f"{folder.name} with the adapter {adapter.name}" if adapter else folder.name
        raise DamagedModelError(
            f"{named} cannot be loaded: {error}",
            to_do="Choose another base or checkpoint, or fetch this one again.",
        ) from error
    if not on_metal():
        model.set_dtype(mx.float32)
    mx.eval(model.parameters())
    return Loaded(model=model, tokenizer=tokenizer, config=config)
