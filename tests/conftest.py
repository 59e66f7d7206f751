"""Fixtures of all tests; what a fixture is made of stands in tests/fixtures/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.ollama import SKIPPED, OllamaServer, find_binary


@pytest.fixture(scope="session")
def ollama_binary() -> Path:
    """The ollama program; without one the test is skipped and says what that leaves out."""
    binary = find_binary()
    if binary is None:
        pytest.skip(SKIPPED)
    return binary


@pytest.fixture(scope="session")
def ollama_server(ollama_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OllamaServer]:
    """A running server that the tests of a session share."""
    server = OllamaServer(ollama_binary, tmp_path_factory.mktemp("ollama")).start()
    yield server
    server.stop()


@pytest.fixture
def own_ollama_server(ollama_binary: Path, tmp_path: Path) -> Iterator[OllamaServer]:
    """A running server of one test's own, which the test may kill."""
    server = OllamaServer(ollama_binary, tmp_path / "ollama").start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def ollama_model(ollama_server: OllamaServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small real model on the shared server: the embedded base as it comes."""
    from studio.lm.embedded import embedded_gguf

    modelfile = tmp_path_factory.mktemp("modelfile") / "Modelfile"
    modelfile.write_text(f"FROM {embedded_gguf()}\n")
    made = ollama_server.run("create", "small:base", "-f", str(modelfile))
    assert made.returncode == 0, made.stderr
    return "small:base"
