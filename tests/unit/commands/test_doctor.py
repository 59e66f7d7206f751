"""What `doctor` finds on this machine, and on broken ones."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from studio.commands.checks.services import check_ollama
from tests.unit.commands.conftest import Studio

SECRET = "sk-ant-test-0123456789"
NAMES = [
    "python",
    "packages",
    "mlx",
    "embedded base",
    "api key",
    "ollama",
    "settings",
    "disk",
    "memory",
    "terminal",
]


@contextmanager
def answering(bodies: dict[str, bytes]) -> Iterator[str]:
    """A loopback server that answers these paths with these bytes, and others with 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def doctor(studio: Studio, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    done = studio.run("doctor", *arguments, "--json")
    report = json.loads(done.stdout)
    assert report["type"] == "doctor"
    return done.returncode, {check["name"]: check for check in report["checks"]}


@pytest.mark.slow
def test_optional_parts_may_be_missing(studio: Studio, nowhere: str) -> None:
    studio.environment["OLLAMA_HOST"] = nowhere
    code, checks = doctor(studio)
    assert list(checks) == NAMES
    assert code == 0, checks
    assert checks["api key"]["state"] == "warning"
    assert checks["ollama"]["state"] == "warning"
    assert nowhere in checks["ollama"]["found"]
    assert "OLLAMA_HOST" in checks["ollama"]["fix"]
    assert "GFLOP/s" in checks["mlx"]["found"]
    assert all(check["fix"] for check in checks.values() if check["state"] != "ok")


@pytest.mark.slow
def test_people_read_the_fix_and_never_the_key(studio: Studio, nowhere: str) -> None:
    studio.environment |= {"OLLAMA_HOST": nowhere, "ANTHROPIC_API_KEY": SECRET}
    done = studio.run("doctor")
    assert done.returncode == 0
    assert "✓ api key" in done.stdout
    assert "found in the environment" in done.stdout
    assert "→ Start the server" in done.stdout
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_broken_machine_and_a_broken_workspace_exit_with_1(
    studio: Studio, workspace: Path, tmp_path: Path, nowhere: str
) -> None:
    broken = tmp_path / "broken"
    (broken / "mlx").mkdir(parents=True)
    (broken / "mlx" / "__init__.py").write_text("raise ImportError('libmlx.so is not for this processor')\n")
    metadata = broken / "jessy_studio-0.1.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    wanted = [
        "click>=99",
        "no-such-package-at-all",
        "other-system ; sys_platform == 'none'",
        "extra ; extra == 'dev'",
    ]
    lines = [
        "Metadata-Version: 2.4",
        "Name: jessy-studio",
        "Version: 0.1.0",
        *(f"Requires-Dist: {w}" for w in wanted),
    ]
    metadata.write_text("\n".join(lines) + "\n")
    studio.environment |= {
        "PYTHONPATH": os.pathsep.join([str(broken), studio.variables["PYTHONPATH"]]),
        "OLLAMA_HOST": nowhere,
    }
    (workspace / "data" / "persona.toml").write_text("name = 3\n", encoding="utf-8")
    code, checks = doctor(studio, "-w", workspace)
    assert code == 1
    assert checks["mlx"]["state"] == "failed"
    assert "libmlx.so is not for this processor" in checks["mlx"]["found"]
    assert "no-such-package-at-all is missing" in checks["packages"]["found"]
    assert "is not >=99" in checks["packages"]["found"]
    assert "other-system" not in checks["packages"]["found"]
    assert checks["workspace"]["state"] == "failed"
    assert "persona.toml:1: name: found 3" in checks["workspace"]["found"]


def test_ollamas_version_and_models_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    models = b'{"models": [{"name": "jessy:r1"}, {"name": "llama3.1:8b"}]}'
    with answering({"/api/version": b'{"version": "0.32.15"}', "/api/tags": models}) as host:
        monkeypatch.setenv("OLLAMA_HOST", host)
        check = check_ollama()
    assert (check.state, check.found) == ("ok", f"0.32.15 at http://{host}, 2 models: jessy:r1, llama3.1:8b")


@pytest.mark.parametrize(
    "bodies",
    [
        {},
        {"/api/version": b"<html>"},
        {"/api/version": b"[]"},
        {"/api/version": b'{"version": "1"}', "/api/tags": b'{"models": [3]}'},
        {"/api/version": b'{"version": "1"}', "/api/tags": b'{"models": 3}'},
        {"/api/version": b"\xff\xfe"},
    ],
)
def test_what_is_no_ollama_is_a_warning(monkeypatch: pytest.MonkeyPatch, bodies: dict[str, bytes]) -> None:
    with answering(bodies) as host:
        monkeypatch.setenv("OLLAMA_HOST", host)
        check = check_ollama()
    assert check.state == "warning"
    assert check.fix
