"""What a run will take, before it starts: tokens, steps, memory and time, without loading the model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.jobs.train.choose import Choice
from studio.jobs.train.config import Spec, TrainingConfig
from studio.lm.embedded import EMBEDDED, embedded_folder
from studio.workspace import Workspace

_CHARACTERS_A_TOKEN = 3.2
"""Turkish and English mixed, through a tokenizer made for English (SmolLM2 on the starter data)."""

_TURN_TOKENS = 5
"""What a template puts around a turn."""

_TYPICAL_LENGTH = 512
"""Tokens of a long example of this kind, where the data are not known yet."""

_SMOLLM2 = {
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}
"""The embedded base's shape, for when its folder is not made yet."""


@dataclass(frozen=True)
class Preflight:
    """An estimate; `seconds` is None where nothing was measured on this machine yet."""

    train_examples: int
    valid_examples: int
    tokens: int
    """In all epochs together."""
    steps: int
    memory_bytes: int | None
    """Highest use; None where the base is not on this machine yet."""
    seconds: float | None


def preflight(
    spec: Spec, choice: Choice, system_prompt: str, *, tokens_per_second: float | None = None
) -> Preflight:
    """Estimate a run over `choice`; `tokens_per_second` is what earlier runs on this base reached here."""
    config = spec.config
    prompt = len(system_prompt) / _CHARACTERS_A_TOKEN + _TURN_TOKENS
    lengths = [
        int(prompt + sum(len(m.content) / _CHARACTERS_A_TOKEN + _TURN_TOKENS for m in example.messages))
        for example in choice.train
    ]
    lengths = [min(length, config.max_sequence) for length in lengths]
    batches = -(-len(lengths) // config.batch)
    whole = config.epochs * -(-batches // config.accumulation)
    steps = min(whole, config.max_steps or whole)
    tokens = round(sum(lengths) * config.epochs * steps / whole) if whole else 0
    shape = _shape(spec.base)
    return Preflight(
        train_examples=len(choice.train),
        valid_examples=len(choice.valid),
        tokens=tokens,
        steps=steps,
        memory_bytes=memory(shape, config, max(lengths, default=0)) if shape else None,
        seconds=tokens / tokens_per_second if tokens_per_second else None,
    )


def need_bytes(spec: Spec, workspace: Workspace) -> int | None:
    """Return the memory that a run takes at its highest, for the queue; None where the base is not here yet."""
    shape = _shape(spec.base)
    length = min(_TYPICAL_LENGTH, spec.config.max_sequence)
    return memory(shape, spec.config, length) if shape else None


def memory(shape: dict[str, Any], config: TrainingConfig, length: int) -> int:
    """Return the bytes for batches of examples `length` tokens long: weights, adapters with Adam, activations.

    What a layer keeps for the way back, a token: about 8 vectors of the hidden size, 3 of the MLP's, and the
    attention's weights twice; the head keeps logits and their exponentials for half of the tokens. On the embedded
    base MLX's own peak is 0.84 to 0.89 of it for LoRA and DoRA, and 0.68 to 0.72 for pairs (benchmarks/memory.py).
    """
    hidden, inner, layers = shape["hidden_size"], shape["intermediate_size"], shape["num_hidden_layers"]
    heads, vocabulary = shape["num_attention_heads"], shape["vocab_size"]
    head = shape.get("head_dim") or hidden // heads
    kv_heads = shape.get("num_key_value_heads") or heads
    attention = hidden * head * (2 * heads + 2 * kv_heads)
    parameters = layers * (attention + 3 * hidden * inner) + vocabulary * hidden
    if not shape.get("tie_word_embeddings", False):
        parameters += vocabulary * hidden
    bits = (shape.get("quantization") or {}).get("bits", 32)
    adapted = config.layers or layers
    sides = 2 * (hidden + heads * head) + 2 * (hidden + kv_heads * head)
    if config.targets == "all-linear":
        sides += 3 * (hidden + inner)
    adapters = adapted * config.rank * sides
    rows = -(-config.batch // config.parts) * (1 if config.method == "sft" else 2)
    tokens = rows * length
    a_layer = tokens * (8 * hidden + 3 * inner + 2 * heads * length)
    kept = a_layer + layers * tokens * hidden if config.checkpointing else a_layer * adapted
    logits = tokens // 2 * vocabulary * 3
    return int(parameters * bits // 8 + 4 * (4 * adapters + kept + logits))


def _shape(base: str) -> dict[str, Any] | None:
    """Return the base's config.json where it is on this machine."""
    if base == EMBEDDED:
        return _read(embedded_folder()) or _SMOLLM2
    folder = Path(base).expanduser()
    return _read(folder) if folder.is_dir() else None


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    text = config.get("text_config", config)
    return text if all(text.get(name) for name in _SMOLLM2 if name != "tie_word_embeddings") else None
