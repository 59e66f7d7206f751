"""The person's settings, in the platform's config folder: one TOML file that keeps its comments."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from studio.config.fields import Share, Text
from studio.config.toml import Table, parse, read_text, validate

CONFIG_DIR_VARIABLE = "JESSY_CONFIG_DIR"
DEFAULT_OLLAMA_URL = "http://127.0.0.1:11434"
_OLLAMA_PORT = 11434
_SECURE_PORTS = {"http": 80, "https": 443}


class SignalSettings(Table):
    """From where on a signal is shown in the review."""

    near_duplicate: Share = 0.8
    """Estimated Jaccard similarity of the word shingles."""
    length_factor: Annotated[float, Field(gt=1)] = 2.5
    """A reply is an outlier that is so many times longer or shorter than its recipe's bounds or median."""
    repeated_share: Share = 0.35
    """Of a reply's word triples that were there before."""
    opening_share: Share = 0.2
    """Of a recipe's replies that begin with the same three words."""
    glossary_overlap: Share = 0.02
    """Of a definition's words that the glossary has too, at least."""


class ReviewSettings(Table):
    """How one reviews."""

    reasons: Annotated[tuple[Text, ...], Field(max_length=9)] = (
        "wrong language",
        "not the persona",
        "wrong facts",
        "too long",
        "dull",
        "repeats another",
        "bad question",
    )
    """What the keys 1 to 9 say after a rejection."""


class Settings(Table):
    """What a person chose for all workspaces. The API key is not among it: see `keys`."""

    theme: Text | None = None
    """Name of a theme; None is the studio's own."""
    keys: dict[Text, Text] = Field(default_factory=dict)
    """Binding id to keys, as Textual writes them: `accept = "a,ctrl+y"`."""
    teacher: Literal["anthropic", "ollama", "offline"] | None = None
    """None: Claude where there is a key, otherwise offline."""
    model: Text | None = None
    """The teacher's model."""
    base_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """Another server that speaks the Messages API."""
    budget_usd: Annotated[float, Field(ge=0)] | None = None
    """No generation passes this unless its own budget says so."""
    ollama_host: Text | None = None
    """Where OLLAMA_HOST is not set: `host`, `host:port` or a URL."""
    signals: SignalSettings = SignalSettings()
    review: ReviewSettings = ReviewSettings()

    def teacher_with(self, *, has_key: bool) -> Literal["anthropic", "ollama", "offline"]:
        """Return who teaches, knowing whether there is an API key."""
        return self.teacher or ("anthropic" if has_key else "offline")


def config_folder() -> Path:
    """Return the folder of the settings; JESSY_CONFIG_DIR names another one."""
    if chosen := os.environ.get(CONFIG_DIR_VARIABLE):
        return Path(chosen).expanduser()
    import platformdirs

    return platformdirs.user_config_path("jessy-studio", appauthor=False)


def settings_file() -> Path:
    """Return the path of the settings, whether or not the file is there."""
    return config_folder() / "settings.toml"


def load_settings() -> Settings:
    """Read the settings; the defaults where there is no file.

    Raises:
        ConfigError: the file cannot be used; every mistake is named.
    """
    file = settings_file()
    if not file.exists():
        return Settings()
    text = read_text(file)
    return validate(file, text, parse(file, text), Settings)


def update_settings(**changes: Any) -> Settings:
    """Write some settings and return all; None removes one. Comments and order of the file are kept.

    The file is replaced whole and only its owner can read it.

    Raises:
        ConfigError: the file cannot be used as it is, or a change does not fit; nothing is written.
        OSError: the folder cannot be written; the old file is kept.
    """
    import tomlkit

    file = settings_file()
    old = read_text(file) if file.exists() else ""
    validate(file, old, parse(file, old), Settings)
    document = tomlkit.parse(old)
    for name, value in changes.items():
        if value is None:
            document.pop(name, None)
        else:
            document[name] = value
    new = tomlkit.dumps(document)
    settings = validate(file, new, parse(file, new), Settings)
    _replace(file, new)
    return settings


def ollama_url(settings: Settings | None = None) -> str:
    """Return the URL of the Ollama server: OLLAMA_HOST, the setting, or the local default.

    Both may leave out the scheme and the port, as Ollama's own client allows. An address that a server
    listens on at all interfaces is reached at the local one.
    """
    chosen = os.environ.get("OLLAMA_HOST", "").strip() or (settings.ollama_host if settings else None)
    if not chosen:
        return DEFAULT_OLLAMA_URL
    from urllib.parse import urlsplit

    scheme, _, rest = chosen.rpartition("://")
    parts = urlsplit(f"{scheme or 'http'}://{rest}")
    try:
        port = parts.port
    except ValueError:
        port = None
    host = parts.hostname or "127.0.0.1"
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    if port is None:
        port = _SECURE_PORTS.get(scheme, _OLLAMA_PORT)
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}:{port}{parts.path.rstrip('/')}"


def _replace(file: Path, text: str) -> None:
    """Write beside the file, then rename: a crash leaves the old one or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp makes the file readable by its owner only, before anything is in it.
    descriptor, name = tempfile.mkstemp(prefix=".settings-", dir=file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as target:
            target.write(text)
            target.flush()
            os.fsync(target.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
