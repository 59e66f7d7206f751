"""The built wheel works away from the checkout: its code, its content and its commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Without isolation: hatchling is in the environment, and no test needs a network.
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment elsewhere with the wheel in it; the other packages are this environment's."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=200)
    python = folder / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel], check=True, timeout=200
    )
    (site,) = (folder / "lib").glob("python*/site-packages")
    # A path in a .pth comes after the environment's own packages, and the .pth files inside of it do not count:
    # so the checkout, which is installed there in editable form, is not seen.
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def run(installed: Path, cwd: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    home = cwd / "home"
    home.mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [installed / "bin" / "jessy-studio", *arguments],
        cwd=cwd,
        env=kept
        | {
            "PATH": f"{installed / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(home),
            "JESSY_CONFIG_DIR": str(home / "config"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "OLLAMA_HOST": "127.0.0.1:9",  # nobody listens on the discard port
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_the_wheel_has_code_styles_and_content_and_nothing_of_the_person(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    content = {name.removeprefix("studio/content/") for name in names if name.startswith("studio/content/")}
    tracked = {path.relative_to(ROOT / "data").as_posix() for kind in ("recipes", "suites", "starter", "demo")
               for path in (ROOT / "data" / kind).rglob("*") if path.is_file()}  # fmt: skip
    assert content == tracked | {"persona.toml", "sources.toml"}
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"studio", "widgets", "store"}
    styles = {path.relative_to(ROOT).as_posix() for path in (ROOT / "studio").rglob("*.tcss")}
    assert styles
    assert styles <= names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_it_works_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = "import studio, studio.workspace as w; print(studio.__file__); print(w.default_content())"
    done = subprocess.run(
        [installed / "bin" / "python", "-c", where],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert all(Path(line).is_relative_to(installed) for line in done.stdout.splitlines()), done.stdout

    doctor = run(installed, tmp_path, "doctor", "--json")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    states = {check["name"]: check["state"] for check in json.loads(doctor.stdout)["checks"]}
    assert states["packages"] == "ok"
    assert states["mlx"] != "failed"  # slow here: MKL lies in the other environment

    assert run(installed, tmp_path, "init", "mine").returncode == 0
    persona = tmp_path / "mine" / "data" / "persona.toml"
    assert persona.read_bytes() == (ROOT / "data" / "persona.toml").read_bytes()

    job = run(installed, tmp_path, "rehearsal", "-w", "mine", "--documents", "20", "--json")
    assert job.returncode == 0, job.stdout + job.stderr
    status = run(installed, tmp_path, "status", "-w", "mine", "--json")
    assert status.returncode == 0, status.stderr
    report = json.loads(status.stdout)
    assert report["workspace"] == str(tmp_path / "mine")
    assert report["examples"]["total"] == 20
    assert report["problems"] == []
