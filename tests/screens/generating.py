"""A workspace of one recipe, with a server of the Messages API that its person pays for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from studio.workspace import Workspace
from tests.fixtures.messages_server import MessagesServer
from tests.fixtures.tiny_recipe import TINY
from tests.screens.driver import text_of, until

RECIPE = (
    TINY.replace("target = 12", "target = 40")
    .replace('sources = ["technical"]\n', "")
    .replace(" Material: {source}", "")
)


@pytest.fixture
def server() -> Iterator[MessagesServer]:
    running = MessagesServer().start()
    yield running
    running.stop()


@pytest.fixture
def paying(
    empty: Workspace, server: MessagesServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """A workspace of one recipe, whose person teaches by the server and pays at most $5."""
    for file in empty.recipes.glob("*.toml"):
        file.unlink()
    (empty.recipes / "tiny.toml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    settings = tmp_path / "config" / "settings.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f'teacher = "anthropic"\nbase_url = "{server.url}"\nbudget_usd = 5.0\n')
    return empty


async def open_generate(pilot: Pilot[None]) -> None:
    await pilot.press("f2")
    await until(pilot, lambda: "0/40" in text_of(pilot), "the recipe")
