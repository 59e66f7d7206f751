"""The command line as a real process, with a home and settings of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_SECONDS = 60


@dataclass
class Studio:
    """Runs `python -m studio` in a folder; nothing of the person's own is read."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "studio", *map(str, arguments)]

    @property
    def variables(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        return (
            kept
            | {
                "HOME": str(self.home),
                "JESSY_CONFIG_DIR": str(self.home / "config"),
                "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
                "PYTHONPATH": str(Path(__file__).parents[3]),
                "PYTHONUTF8": "1",
            }
            | self.environment
        )

    def run(self, *arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=cwd or self.home,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start it in a session of its own, so that a signal meets it alone."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.home,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def json(self, *arguments: str | Path) -> list[dict[str, Any]]:
        """Run a command that has to succeed and return its lines."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def status(self, workspace: Path) -> dict[str, Any]:
        (report,) = self.json("status", "-w", workspace)
        return report


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    home = tmp_path / "home"
    home.mkdir()
    return Studio(home)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    from studio.workspace import Workspace

    return Workspace.create(tmp_path / "workspace").root
