"""Fuse an adapter into its base: a model folder of its own, dequantized, with what the proof will need."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.jobs.deploy.reference import Reference, make_reference
from studio.jobs.deploy.routes import Base, Route, folder_config
from studio.jobs.events import JobError
from studio.jobs.process.files import sync_folder as sync_path
from studio.lm.errors import ModelError

if TYPE_CHECKING:
    from studio.lm.load import Loaded

KEPT = "The checkpoint and every earlier deployment are as they were."
_REFERENCE = "reference.json"
_COMPLETE = "complete.json"
"""Written last, with every file's size: a fused folder without it, or with other sizes, is made again."""
_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "generation_config.json",
    "vocab.json",
    "merges.txt",
)


def make_fused(base: Base, route: Route, adapter: Path, system_prompt: str, folder: Path) -> Reference:
    """Fuse, ask the fused model what the proof compares with, and save both; the model is let go after.

    Raises:
        JobError: base and adapter don't fit, or the disk takes no more.
    """
    from studio.lm.load import load
    from studio.lm.mlx import mx

    try:
        loaded = load(base.folder, adapter)
    except ModelError as error:
        raise JobError(error.what, kept=KEPT, to_do=error.to_do) from error
    fuse(loaded)
    reference = make_reference(loaded, system_prompt)
    save_fused(loaded, reference, base, route, folder)
    # Ollama is about to want this memory.
    del loaded
    mx.clear_cache()
    return reference


def read_fused(folder: Path) -> Reference | None:
    """Return the reference of a fused folder that is whole, None where it has to be made again."""
    try:
        sizes = json.loads((folder / _COMPLETE).read_text(encoding="utf-8"))["sizes"]
        whole = all((folder / name).stat().st_size == size for name, size in sizes.items())
        return Reference.model_validate_json((folder / _REFERENCE).read_bytes()) if whole else None
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def fuse(loaded: Loaded) -> int:
    """Put the adapter's product, scale included, into the weights; unpack what is quantized.

    Returns:
        The number of matrices that took up an adapter.
    """
    from studio.lm.mlx import tree_unflatten

    fused = [
        (name, module.fuse(dequantize=True))
        for name, module in loaded.model.named_modules()
        if hasattr(module, "fuse")
    ]
    if fused:
        loaded.model.update_modules(tree_unflatten(fused))
    if "quantization" in loaded.config:
        from mlx_lm.utils import dequantize_model

        dequantize_model(loaded.model)
    return len(fused)


def save_fused(loaded: Loaded, reference: Reference, base: Base, route: Route, folder: Path) -> None:
    """Write the model to `folder`, whole or not at all: it is made aside, checked, synced and renamed.

    Raises:
        JobError: the disk is full, or takes no more for another reason.
    """
    aside = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        _write(loaded, base, route, aside)
        (aside / _REFERENCE).write_text(reference.model_dump_json(indent=1), encoding="utf-8")
        sizes = {path.name: path.stat().st_size for path in aside.iterdir()}
        (aside / _COMPLETE).write_text(json.dumps({"sizes": sizes}), encoding="utf-8")
        for path in [*aside.iterdir(), aside]:
            sync_path(path)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
        sync_path(folder.parent)
    except (OSError, RuntimeError) as error:
        raise no_space(error, "fusing", aside) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def no_space(error: OSError | RuntimeError, doing: str, path: Path) -> JobError:
    """Return what to tell when writing at `path` failed; what was half written is removed by then."""
    # MLX and NumPy report a write that was cut short without a number.
    full = getattr(error, "errno", None) in {None, errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    free = shutil.disk_usage(path.parent).free / 1e9
    why = "The disk takes no more" if full else "Writing failed"
    return JobError(
        f"{why} while {doing}: {error}. {free:.1f} GB are free at {path.parent}.",
        kept=f"{KEPT} Nothing half written is left.",
        to_do="Make room on that disk, then run this job again; it goes on from the last whole stage.",
    )


def _write(loaded: Loaded, base: Base, route: Route, folder: Path) -> None:
    from mlx_lm.utils import save_model
    from safetensors import SafetensorError, safe_open

    loaded.model.set_dtype(_number_format(base, route))
    save_model(folder, loaded.model, donate_model=True)
    for path in folder.glob("*.safetensors"):
        try:
            with safe_open(path, framework="numpy"):
                pass
        except SafetensorError as error:
            raise OSError(errno.ENOSPC, f"{path.name} is cut short ({error})") from error
    config = folder_config(base) if route == "folder" else base.config
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    for name in _TOKENIZER_FILES:
        if (base.folder / name).is_file():
            shutil.copyfile(base.folder / name, folder / name)


def _number_format(base: Base, route: Route) -> Any:
    """Float16 for a GGUF; a folder keeps bfloat16, whose range a big model may need."""
    from studio.lm.mlx import mx

    named = base.config.get("torch_dtype") or base.config.get("dtype")
    return mx.bfloat16 if route == "folder" and named == "bfloat16" else mx.float16
