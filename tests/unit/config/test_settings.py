"""The person's settings: read, changed and written without a loss."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from studio.config.errors import ConfigError
from studio.config.settings import Settings, load_settings, ollama_url, settings_file, update_settings


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JESSY_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    return tmp_path / "config"


def test_without_a_file_there_are_defaults() -> None:
    assert load_settings() == Settings()
    assert not settings_file().exists()


def test_what_is_written_is_read_and_only_the_owner_may(config: Path) -> None:
    old_umask = os.umask(0o000)
    try:
        written = update_settings(theme="nord", budget_usd=20.0, keys={"review.accept": "a,ctrl+y"})
    finally:
        os.umask(old_umask)
    assert load_settings() == written
    assert written.budget_usd == 20
    assert stat.S_IMODE(settings_file().stat().st_mode) == 0o600
    assert [path.name for path in config.iterdir()] == ["settings.toml"]


def test_comments_and_order_stay() -> None:
    settings_file().parent.mkdir(parents=True)
    settings_file().write_text('# mine\ntheme = "a"  # dark\n\n# money\nbudget_usd = 5\n', encoding="utf-8")
    update_settings(theme="b", model="claude-haiku-5-5")
    text = settings_file().read_text(encoding="utf-8")
    assert text == '# mine\ntheme = "b"  # dark\n\n# money\nbudget_usd = 5\nmodel = "claude-haiku-5-5"\n'


def test_none_takes_a_setting_away() -> None:
    update_settings(theme="a", model="m")
    assert update_settings(theme=None).theme is None
    assert "theme" not in settings_file().read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "change", [{"teacher": "oracle"}, {"budget_usd": -1}, {"base_url": "ftp://x"}, {"colour": 1}]
)
def test_a_change_that_does_not_fit_writes_nothing(change: dict[str, object]) -> None:
    update_settings(theme="a")
    before = settings_file().read_bytes()
    with pytest.raises(ConfigError) as raised:
        update_settings(**change)
    assert raised.value.key == next(iter(change))
    assert settings_file().read_bytes() == before


def test_a_broken_file_is_left_as_it_is() -> None:
    settings_file().parent.mkdir(parents=True)
    settings_file().write_text('theme = "a\n', encoding="utf-8")
    with pytest.raises(ConfigError):
        load_settings()
    with pytest.raises(ConfigError):
        update_settings(theme="b")
    assert settings_file().read_text(encoding="utf-8") == 'theme = "a\n'


def test_a_folder_that_cannot_be_made_is_an_os_error(config: Path) -> None:
    config.write_text("a file in its place", encoding="utf-8")
    with pytest.raises(OSError):
        update_settings(theme="a")


@pytest.mark.parametrize(
    ("chosen", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8000", "http://127.0.0.1:8000"),
        ("box", "http://box:11434"),
        ("box:99", "http://box:99"),
        ("http://box", "http://box:80"),
        ("https://box/ollama/", "https://box:443/ollama"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("[::]", "http://127.0.0.1:11434"),
        ("box:notaport", "http://box:11434"),
    ],
)
def test_ollamas_address_is_read_as_its_own_client_does(
    monkeypatch: pytest.MonkeyPatch, chosen: str, url: str
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", chosen)
    assert ollama_url() == url


def test_the_environment_comes_before_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(ollama_host="set:1")
    assert ollama_url(settings) == "http://set:1"
    monkeypatch.setenv("OLLAMA_HOST", "env:2")
    assert ollama_url(settings) == "http://env:2"
