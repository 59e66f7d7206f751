"""The Makefile on machines that are not as one would wish: a Python that is too old, none at all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
TOOLS = ("make", "sh", "dirname", "awk", "touch", "rm", "env")

# The real interpreter, which says that it is an older one.
OLD_PYTHON = """#!{shell}
[ "$1" = -c ] && exec {python} -c "import sys; sys.version_info = (3, 9, 2, 'final', 0); $2"
exec {python} "$@"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that make needs, without an environment."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    return tmp_path


def make(checkout: Path, *arguments: str, pythons: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run make with nothing on PATH but the tools it needs and these Pythons."""
    programs = checkout / "programs"
    programs.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None, tool
        (programs / tool).symlink_to(found)
    for name, text in pythons.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    return subprocess.run(
        ["make", *arguments],
        cwd=checkout,
        env={"PATH": str(programs), "HOME": str(checkout), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("target", ["run", "test", "check"])
def test_a_python_that_is_too_old_gets_one_clear_sentence(checkout: Path, target: str) -> None:
    old = OLD_PYTHON.format(shell=shutil.which("sh"), python=sys.executable)
    done = make(checkout, target, pythons={"python3": old})
    assert done.returncode == 2
    told = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert told == [
        "JESSY Studio needs Python 3.11 or newer (found 3.9.2): install one, or name it: make run PYTHON=python3.11"
    ]
    assert not (checkout / ".venv").exists()


def test_no_python_at_all_gets_the_same_sentence(checkout: Path) -> None:
    done = make(checkout, "run", pythons={})
    assert done.returncode == 2
    assert "JESSY Studio needs Python 3.11 or newer: install one" in done.stderr


def test_the_newest_python_is_taken_and_broken_shims_are_passed_over(checkout: Path) -> None:
    shim = f"#!{shutil.which('sh')}\necho 'command not found' >&2\nexit 127\n"
    real = f'#!{shutil.which("sh")}\nexec {sys.executable} "$@"\n'
    done = make(checkout, "--version", pythons={"python3.13": shim, "python3.12": real, "python3": shim})
    assert done.returncode == 0
    found = subprocess.run(
        [checkout / ".ci" / "python"],
        env={"PATH": str(checkout / "programs")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == sys.executable


def test_help_lists_every_target(checkout: Path) -> None:
    done = make(checkout, "help", pythons={})
    assert done.returncode == 0
    targets = re.findall(r"^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"run", "test", "check", "e2e", "bench", "lock", "ollama", "clean", "help", "env"} <= set(targets)
    assert all(f"make {target} " in done.stdout for target in targets)


def test_constraints_name_exact_versions_and_no_place() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) > 80
    assert all(re.fullmatch(r"[a-z0-9-]+==[A-Za-z0-9.!]+", line) for line in lines)
    names = [line.partition("==")[0] for line in lines]
    assert names == sorted(names)


def test_every_script_can_be_run() -> None:
    scripts = [path for path in (ROOT / ".ci").iterdir() if path.is_file()]
    assert {path.name for path in scripts} >= {"run", "ollama", "python", "environment", "lock"}
    assert all(os.access(path, os.X_OK) for path in scripts)


def test_constraints_cover_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [
        Requirement(text) for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    ]
    constrained = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    missing = {canonicalize_name(item.name) for item in asked} - constrained
    assert missing == set(), "run `make lock`"
