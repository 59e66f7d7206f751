"""From the name of a base model to a folder that mlx-lm loads."""

from __future__ import annotations

import contextlib
import json
import re
import struct
from pathlib import Path

from studio.lm.embedded import EMBEDDED, EMBEDDED_NAME, embedded_base
from studio.lm.errors import HubError, ModelError, NotAModelError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_WANTED = ["*.json", "*.safetensors", "tokenizer.model", "*.tiktoken", "*.txt", "*.jinja"]
"""What a model needs; no Python of strangers is fetched, and none is run."""


def resolve_base(base: str, *, cache: Path | None = None) -> Path:
    """Return the folder of the model that `base` names, making or fetching it where it is not there yet.

    `base` is `embedded:SmolLM2-135M-Instruct`, the path of a model folder, or the Hub id of a repository in
    the Hugging Face format. `cache` replaces the place where the embedded base is kept.

    Raises:
        PackageMissingError, DamagedModelError: the embedded base cannot be made.
        NotAModelError: the name is of no known form, or the folder lacks what a model needs.
        HubError: the repository cannot be fetched: no network, gated, or no such name.
    """
    if base == EMBEDDED:
        return embedded_base(cache)
    if base.startswith("embedded:"):
        raise NotAModelError(f"There is no embedded base {base!r}.", to_do=f"The only one is {EMBEDDED}.")
    folder = Path(base).expanduser()
    if folder.is_dir():
        return checked_folder(folder.resolve())
    if _HUB_ID.fullmatch(base):
        return checked_folder(_from_hub(base))
    raise NotAModelError(
        f"{base!r} is neither a folder here nor the name of a model.",
        to_do=f"Name a model folder, a Hub id such as HuggingFaceTB/{EMBEDDED_NAME}, or {EMBEDDED}.",
    )


def checked_folder(folder: Path) -> Path:
    """Return `folder` when it has what a model needs.

    Raises:
        NotAModelError: config.json, weights or tokenizer are missing or unreadable, and which.
    """
    try:
        model_type = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    except OSError:
        raise _not_a_model(folder, "it has no config.json") from None
    except (ValueError, KeyError, TypeError):
        raise _not_a_model(folder, "its config.json names no model_type") from None
    weights = sorted(folder.glob("model*.safetensors"))
    if not weights:
        raise _not_a_model(folder, f"it describes a {model_type} but has no model*.safetensors")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model")):
        raise _not_a_model(folder, f"it describes a {model_type} but has no tokenizer")
    if lacking := _lacking(folder, weights):
        raise NotAModelError(
            f"{folder.name} is only half here: {lacking}.",
            to_do="Fetch it again; what is whole already is not fetched twice.",
        )
    return folder


def _lacking(folder: Path, weights: list[Path]) -> str:
    """Say which of the weights' files is missing or shorter than its own header says; empty when all are whole."""
    with contextlib.suppress(OSError, ValueError, KeyError, AttributeError):
        index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
        missing = sorted(set(index["weight_map"].values()) - {path.name for path in weights})
        if missing:
            return f"{len(missing)} of its files are missing, {missing[0]} first"
    for path in weights:
        try:
            whole = _length_by_header(path)
        except (OSError, ValueError, KeyError, TypeError, struct.error):
            return f"{path.name} cannot be read"
        if path.stat().st_size < whole:
            return f"{path.name} ends after {path.stat().st_size:,} of {whole:,} bytes"
    return ""


def _length_by_header(path: Path) -> int:
    """Return the bytes that a safetensors file has when it is whole (8 for a length, the header, the data)."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > path.stat().st_size:
            return int(8 + length)
        header = json.loads(file.read(length))
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    return int(8 + length + max(ends, default=0))


def _not_a_model(folder: Path, why: str) -> ModelError:
    return NotAModelError(
        f"{folder.name} is not a model folder: {why}.",
        to_do="Name a folder in the Hugging Face format (config.json, *.safetensors, tokenizer.json).",
    )


def _from_hub(name: str) -> Path:
    from huggingface_hub import errors, snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=_WANTED))
    except errors.GatedRepoError as error:
        raise HubError(
            f"{name} is gated on the Hub.",
            to_do=f"Accept its terms on https://huggingface.co/{name}, then log in with: hf auth login",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise HubError(
            f"The Hub has no model {name}.", to_do="Check the name; private ones need a login."
        ) from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, OSError) as error:
        raise HubError(
            f"{name} is not on this machine and the Hub does not answer.",
            to_do=f"Connect to the network once, name a local folder, or use {EMBEDDED}.",
        ) from error
