"""The API key's dialog: masked, tried by one real call of the SDK, kept in the keyring and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from studio.config import keys
from studio.screens.dialogs.api_key import ApiKeyScreen
from studio.workspace import Workspace
from tests.fixtures.keyrings import SECRET, MemoryKeyring, memory_keyring
from tests.screens.driver import studio, until
from tests.unit.config.test_keys import MODELS, Server


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryKeyring]:
    monkeypatch.delenv(keys.KEY_VARIABLE, raising=False)
    with memory_keyring() as ring:
        yield ring


def settings(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "config"
    folder.mkdir(exist_ok=True)
    (folder / "settings.toml").write_text(f'base_url = "{url}"\n')


def everywhere(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())


async def test_a_key_that_works_goes_into_the_keyring(
    empty: Workspace, tmp_path: Path, ring: MemoryKeyring
) -> None:
    server = Server(200, MODELS)
    settings(tmp_path, server.url)
    try:
        async with studio(empty) as pilot:
            await pilot.press("K")
            await until(pilot, lambda: isinstance(pilot.app.screen, ApiKeyScreen), "the dialog")
            assert pilot.app.screen.query_one("#key", Input).password
            await pilot.press(*SECRET, "enter")
            assert SECRET not in pilot.app.export_screenshot()
            await until(pilot, lambda: not isinstance(pilot.app.screen, ApiKeyScreen), "the dialog's end")
    finally:
        server.close()
    assert list(ring.kept.values()) == [SECRET]
    assert server.seen == [("/v1/models?limit=1", f"Bearer {SECRET}")]
    assert SECRET.encode() not in everywhere(tmp_path)


async def test_a_key_that_is_refused_is_not_kept(
    empty: Workspace, tmp_path: Path, ring: MemoryKeyring
) -> None:
    server = Server(401, b'{"error": {"type": "authentication_error"}}')
    settings(tmp_path, server.url)
    try:
        async with studio(empty) as pilot:
            await pilot.press("K")
            await until(pilot, lambda: isinstance(pilot.app.screen, ApiKeyScreen), "the dialog")
            await pilot.press(*SECRET, "enter")
            said = pilot.app.screen.query_one("#said", Static)
            await until(pilot, lambda: "does not know this key" in str(said.content), "what came back")
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(pilot.app.screen, ApiKeyScreen), "the dialog's end")
    finally:
        server.close()
    assert ring.kept == {}
