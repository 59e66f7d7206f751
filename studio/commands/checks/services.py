"""What the studio talks to: the teacher's API key and the Ollama server. Both are optional."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from studio.commands.checks.base import Check
from studio.config.errors import ConfigError
from studio.config.keys import KEY_VARIABLE, find_key
from studio.config.settings import Settings, load_settings, ollama_url

_SECONDS = 3.0
_LARGEST_ANSWER = 4_000_000
_MODELS_SHOWN = 8


def check_settings() -> Check:
    """Say whether the person's settings can be read."""
    try:
        load_settings()
    except ConfigError as error:
        return Check("settings", "warning", str(error), "Correct the file; the defaults are used until then.")
    return Check("settings", "ok", "readable")


def check_key() -> Check:
    """Say whether there is a key and where it was found; never the key."""
    key = find_key()
    if key is None:
        fix = f"For Claude as the teacher set {KEY_VARIABLE}, or enter a key in the studio (Ctrl+P, API key)."
        return Check("api key", "warning", "none: the teacher is offline or local", fix)
    return Check("api key", "ok", f"found in the {key.source}")


def check_ollama() -> Check:
    """Ask the Ollama server for its version and its models."""
    try:
        settings = load_settings()
    except ConfigError:
        settings = Settings()
    url = ollama_url(settings)
    try:
        version = _get(f"{url}/api/version").get("version")
        models = [str(model.get("name")) for model in _get(f"{url}/api/tags").get("models") or ()]
    except (OSError, HTTPException, ValueError, AttributeError, TypeError) as error:
        return Check("ollama", "warning", f"no answer at {url} ({_reason(error)})", _start())
    shown = ", ".join(models[:_MODELS_SHOWN]) + (" …" if len(models) > _MODELS_SHOWN else "")
    return Check("ollama", "ok", f"{version} at {url}, {len(models)} models{': ' if models else ''}{shown}")


def _start() -> str:
    if os.environ.get("OLLAMA_HOST"):
        return "Start the server that OLLAMA_HOST names, or correct it. Without one, chat uses MLX."
    return "Start it with: ollama serve (https://ollama.com). Without it, deploy waits and chat uses MLX."


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    return str(getattr(inner, "strerror", None) or inner or type(error).__name__)


def _get(url: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - see ollama_url
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
        value = json.loads(answer.read(_LARGEST_ANSWER))
    if not isinstance(value, dict):
        raise TypeError("the answer is no JSON object")
    return value
