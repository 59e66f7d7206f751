"""Names of deployments: a versioned tag for each, and the moving tag that points at the current one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from store.models import Deployment

MOVING = "latest"
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}"
_NAME = re.compile(rf"(?:{_PART}/)?{_PART}")
_MAX_TAG = 80
"""Letters that Ollama allows in a tag."""


def check_name(name: str) -> str:
    """Return `name` where Ollama takes it as a model's name without a tag.

    Raises:
        ValueError: it has signs that Ollama does not allow, or brings a tag of its own.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no model name: letters, digits, `-`, `_` and `.`, no tag")
    return name


def moving_tag(name: str) -> str:
    """Return the tag that always points at the current deployment."""
    return f"{name}:{MOVING}"


def name_of(tag: str) -> str:
    """Return a tag's model name: `jessy-complete` of `jessy-complete:demo-100-f16`."""
    return tag.rpartition(":")[0] or tag


def version_tag(name: str, run: str, step: int, quantization: str, taken: Collection[str]) -> str:
    """Return a tag that is not taken yet, such as `jessy-complete:demo-100-f16`, then `…-f16.2`.

    `taken` is compared without regard to case, as Ollama does on the file systems of macOS.
    """
    known = {tag.casefold() for tag in taken}
    tail = f"-{step}-{quantization}"
    head = re.sub(r"[^A-Za-z0-9_.-]+", "-", run).lstrip(".-") or "run"
    head = head[: _MAX_TAG - len(tail) - 5]
    number, tag = 1, f"{name}:{head}{tail}"
    while tag.casefold() in known:
        number += 1
        tag = f"{name}:{head}{tail}.{number}"
    return tag


def of_name(deployments: Iterable[Deployment], name: str) -> list[Deployment]:
    """Return the deployments under `name`, the oldest first."""
    own = [deployment for deployment in deployments if name_of(deployment.tag) == name]
    return sorted(own, key=lambda deployment: deployment.created_at)


def with_current(deployments: Iterable[Deployment], current: str | None) -> list[Deployment]:
    """Return only the documents that change when the deployment with the id `current` becomes current."""
    return [
        deployment.model_copy(update={"current": deployment.id == current})
        for deployment in deployments
        if deployment.current != (deployment.id == current)
    ]
