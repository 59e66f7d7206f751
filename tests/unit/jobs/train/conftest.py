"""A tiny model that is made once for all tests of the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.lm.load import Loaded
from tests.fixtures.tiny_model import write_tiny_llama


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Loaded:
    from studio.lm.load import load

    return load(tiny_folder)
