"""The way into Ollama, chosen from a base's config alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from studio.jobs.deploy.routes import Base, choose_route, folder_config, read_base
from studio.jobs.events import JobError


def base_folder(folder: Path, **config: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file({"a.weight": np.zeros((3, 4), np.float16)}, folder / "model.safetensors")
    return folder


def base(folder: Path, architecture: str, *, gguf: Path | None = None, **config: Any) -> Base:
    return read_base(base_folder(folder, architectures=[architecture], **config), gguf)


def test_parameters_are_counted_without_reading_weights(tmp_path: Path) -> None:
    assert base(tmp_path, "LlamaForCausalLM").parameters == 12


def test_packed_weights_count_as_what_they_unpack_to(tmp_path: Path) -> None:
    base_folder(tmp_path, architectures=["LlamaForCausalLM"])
    packed = {"a.weight": np.zeros((2, 8), np.uint32), "a.scales": np.zeros((2, 2), np.float16)}
    save_file(packed, tmp_path / "model.safetensors")

    # 16 words of 32 bits hold 128 weights of 4 bits.
    assert read_base(tmp_path, None).parameters == 128


def test_a_base_that_came_as_a_gguf_goes_as_one(tmp_path: Path) -> None:
    embedded = base(tmp_path, "LlamaForCausalLM", gguf=tmp_path / "x.gguf")

    assert choose_route(embedded, "auto") == "gguf"
    assert choose_route(embedded, "folder") == "folder"


def test_other_llamas_go_as_folders(tmp_path: Path) -> None:
    assert choose_route(base(tmp_path, "LlamaForCausalLM"), "auto") == "folder"


def test_mistral_goes_under_the_name_that_the_importer_knows(tmp_path: Path) -> None:
    mistral = base(
        tmp_path,
        "MistralForCausalLM",
        sliding_window=None,
        rope_parameters={"rope_theta": 1e6},
        quantization={},
    )

    assert choose_route(mistral, "auto") == "folder"
    config = folder_config(mistral)
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert config["rope_theta"] == 1e6
    assert "quantization" not in config


@pytest.mark.parametrize(
    ("architecture", "config", "says"),
    [
        ("Qwen3ForCausalLM", {}, "can't import Qwen3ForCausalLM"),
        ("MistralForCausalLM", {"sliding_window": 4096}, "can't import MistralForCausalLM"),
        ("GemmaForCausalLM", {}, "lacks tokenizer.model"),
    ],
)
def test_what_ollama_would_import_wrongly_is_refused_before_any_work(
    tmp_path: Path, architecture: str, config: dict[str, Any], says: str
) -> None:
    with pytest.raises(JobError, match=says) as raised:
        choose_route(base(tmp_path, architecture, **config), "auto")

    assert "as they were" in raised.value.kept
    assert raised.value.to_do


def test_a_folder_that_is_no_model_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="is no model"):
        read_base(tmp_path, None)
    (tmp_path / "config.json").write_text("[1]")
    with pytest.raises(JobError, match="is no model"):
        read_base(tmp_path, None)
    base_folder(tmp_path, architectures=["LlamaForCausalLM"])
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 9)
    with pytest.raises(JobError, match="cut short"):
        read_base(tmp_path, None)
