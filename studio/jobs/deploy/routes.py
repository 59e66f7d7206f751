"""By which way a base's weights get into Ollama, judged before any of them is touched."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from studio.jobs.events import JobError

Route = Literal["gguf", "folder"]

FOLDER_ARCHITECTURES = frozenset(
    {
        "CohereForCausalLM",
        "Gemma2ForCausalLM",
        "Gemma3ForCausalLM",
        "GemmaForCausalLM",
        "LlamaForCausalLM",
        "Ministral3ForCausalLM",
        "Olmo3ForCausalLM",
        "Phi3ForCausalLM",
        "Qwen2ForCausalLM",
    }
)
"""What Ollama 0.32.15 converts from safetensors (its convert/convert.go) and mlx-lm saves by the same names."""

_KEPT = "Nothing was written; the checkpoint and every earlier deployment are as they were."


@dataclass(frozen=True)
class Base:
    """The base of the checkpoint, as the deployment sees it."""

    folder: Path
    config: dict[str, Any]
    gguf: Path | None
    """The GGUF that the folder was made of, whose tokenizer and key-values can be used again."""
    parameters: int

    @property
    def architecture(self) -> str:
        """The class named in config.json, such as `LlamaForCausalLM`."""
        named = self.config.get("architectures") or ["unknown"]
        return str(named[0])


def read_base(folder: Path, gguf: Path | None) -> Base:
    """Read a model folder's config and count its parameters from the headers of its weights.

    Raises:
        JobError: the folder is no model.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = sorted(folder.glob("*.safetensors"))
        parameters = sum(_parameters(path) for path in weights)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _no_model(folder, str(error)) from error
    if not isinstance(config, dict) or not parameters:
        raise _no_model(folder, "it has no weights")
    return Base(folder, config, gguf, parameters)


def choose_route(base: Base, wanted: Literal["auto", "gguf", "folder"]) -> Route:
    """Return how to import the base.

    A GGUF where the base came as one: Ollama's import of SmolLM2's folder gets the pre-tokenizer wrong.

    Raises:
        JobError: Ollama can't import this architecture by the wanted way.
    """
    if wanted == "gguf" or (wanted == "auto" and base.gguf is not None):
        if base.gguf is None:
            raise JobError(
                f"{base.folder.name} did not come as a GGUF, so there is no tokenizer to take over from one.",
                kept=_KEPT,
                to_do="Deploy with the route `folder`.",
            )
        return "gguf"
    _check_folder(base)
    return "folder"


def folder_config(base: Base) -> dict[str, Any]:
    """Return the config.json that Ollama's importer understands.

    Mistral without a sliding window computes as Llama does, and only that name is known to the importer;
    `rope_theta` is read at the top level only.
    """
    config = {key: value for key, value in base.config.items() if not key.startswith("quantization")}
    if base.architecture == "MistralForCausalLM":
        config["architectures"] = ["LlamaForCausalLM"]
    rope = config.get("rope_parameters")
    if isinstance(rope, dict) and "rope_theta" in rope:
        config.setdefault("rope_theta", rope["rope_theta"])
    return config


def _no_model(folder: Path, why: str) -> JobError:
    return JobError(
        f"The base folder {folder.name} is no model: {why}",
        kept=_KEPT,
        to_do="Restore or fetch the base that the checkpoint was trained on, then deploy again.",
    )


def _check_folder(base: Base) -> None:
    as_llama = base.architecture == "MistralForCausalLM" and not base.config.get("sliding_window")
    if not as_llama and base.architecture not in FOLDER_ARCHITECTURES:
        raise JobError(
            f"Ollama can't import {base.architecture}, the architecture of {base.folder.name}.",
            kept=_KEPT,
            to_do="Train on a base that Ollama imports (Llama, Gemma, Mistral, Qwen 2, Phi 3, …), "
            "or chat with the checkpoint without Ollama.",
        )
    if base.architecture.startswith("Gemma") and not (base.folder / "tokenizer.model").is_file():
        raise JobError(
            f"{base.folder.name} lacks tokenizer.model, without which Ollama imports Gemma wrongly.",
            kept=_KEPT,
            to_do="Fetch tokenizer.model of the same base into its folder, then deploy again.",
        )


def _parameters(path: Path) -> int:
    """Count from the header alone; packed 4- and 8-bit weights are counted as what they unpack to."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            raise ValueError(f"{path.name} is cut short")
        header = json.loads(file.read(length))
    total = 0
    for name, tensor in header.items():
        if name != "__metadata__" and not name.endswith((".scales", ".biases")):
            start, end = tensor["data_offsets"]
            packed = tensor["dtype"] == "U32"
            total += (end - start) * 2 if packed else _product(tensor["shape"])
    return total


def _product(shape: list[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product
