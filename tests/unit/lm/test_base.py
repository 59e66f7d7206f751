"""Names of bases: what leads to a model and what is said where nothing does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.lm.base import resolve_base
from studio.lm.errors import DamagedModelError, HubError, NotAModelError
from studio.lm.load import load


def test_a_model_folder_is_itself(tiny_folder: Path) -> None:
    assert resolve_base(str(tiny_folder)) == tiny_folder.resolve()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("embedded:Other", "The only one is embedded:SmolLM2"),
        ("/nowhere/at/all", "neither a folder here"),
        ("two words", "neither a folder here"),
        ("", "neither a folder|not a model folder"),
    ],
)
def test_a_name_that_leads_nowhere_says_what_would(name: str, says: str) -> None:
    with pytest.raises(NotAModelError, match=says):
        resolve_base(name)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "no config.json"),
        ({"config.json": "{"}, "names no model_type"),
        ({"config.json": "[]"}, "names no model_type"),
        ({"config.json": '{"model_type": "llama"}'}, r"no model\*.safetensors"),
        ({"config.json": '{"model_type": "llama"}', "model.safetensors": ""}, "no tokenizer"),
    ],
)
def test_a_folder_that_is_no_model_says_what_it_lacks(
    tmp_path: Path, files: dict[str, str], says: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(NotAModelError, match=says):
        resolve_base(str(tmp_path))


def test_a_hub_id_without_the_network_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(HubError, match="the Hub does not answer"):
        resolve_base("nobody/nothing-of-this-name")


def test_a_cut_weights_file_is_named(tiny_folder: Path, tmp_path: Path) -> None:
    for path in tiny_folder.iterdir():
        (tmp_path / path.name).write_bytes(
            path.read_bytes()[: 2000 if path.suffix == ".safetensors" else None]
        )
    with pytest.raises(NotAModelError, match=r"only half here: model.safetensors ends after 2,000 of"):
        resolve_base(str(tmp_path))


def test_a_missing_part_of_the_weights_is_named(tiny_folder: Path, tmp_path: Path) -> None:
    for path in tiny_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.safetensors").rename(tmp_path / "model-00001-of-00002.safetensors")
    parts = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    with pytest.raises(NotAModelError, match="1 of its files are missing, model-00002-of-00002"):
        resolve_base(str(tmp_path))


def test_an_unknown_architecture_is_named(tiny_folder: Path, tmp_path: Path) -> None:
    for path in tiny_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text()) | {"model_type": "nothing_known"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(DamagedModelError, match="nothing_known"):
        load(resolve_base(str(tmp_path)))


def test_weights_are_float32_on_a_cpu(tiny_folder: Path) -> None:
    from studio.lm.mlx import mx, on_metal, tree_flatten

    types = {value.dtype for _, value in tree_flatten(load(tiny_folder).model.parameters())}
    assert on_metal() or types == {mx.float32}
