"""What the command line imports: click and itself, until a command is called."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "anthropic", "datasketch", "keyring", "lingua", "mlx", "mlx_lm", "numpy", "ollama", "plotext", "pydantic",
    "rich", "textual", "tinydb", "tokenizers", "transformers",
}  # fmt: skip
MODELS = HEAVY - {"keyring", "pydantic", "rich", "tinydb"}


def imported_by(statement: str) -> set[str]:
    """Return the top-level packages that a fresh Python has imported after the statement."""
    script = f"{statement}\nimport sys, json\nprint(json.dumps(sorted({{n.partition('.')[0] for n in sys.modules}})))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_command_line_imports_nothing_heavy() -> None:
    assert imported_by("import studio.cli") & HEAVY == set()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["nothing"], ["completion", "bash"], ["open", "--help"]]
)
def test_what_needs_no_workspace_imports_nothing_heavy(arguments: list[str]) -> None:
    assert imported_by(f"import studio.cli; studio.cli.run({arguments!r})") & HEAVY == set()


@pytest.mark.parametrize(
    "module",
    [
        "studio.commands.running",
        "studio.commands.status",
        "studio.commands.render.plain",
        "studio.config.settings",
    ],
)
def test_headless_work_imports_no_textual_and_no_model_library(module: str) -> None:
    assert imported_by(f"import {module}") & MODELS == set()


def test_the_store_knows_nothing_of_the_studio() -> None:
    assert imported_by("import store.database, store.live") & (MODELS | {"studio", "widgets"}) == set()
