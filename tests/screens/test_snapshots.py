"""How each screen looks, at both sizes; the SVGs are there to be looked at."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from studio.workspace import Workspace
from tests.screens.driver import MODES, SIZES, settled, studio


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])
@pytest.mark.parametrize("mode", MODES)
async def test_screen(filled: Workspace, svg: SnapshotAssertion, mode: str, size: tuple[int, int]) -> None:
    async with studio(filled, size) as pilot:
        await pilot.press(f"f{MODES.index(mode) + 1}")
        await settled(pilot, mode)
        picture = pilot.app.export_screenshot()
    assert str(filled.root) not in picture
    assert picture == svg


async def test_light(filled: Workspace, svg: SnapshotAssertion) -> None:
    async with studio(filled) as pilot:
        pilot.app.theme = "jessy-light"
        await pilot.press("f3")
        await settled(pilot, "review")
        assert pilot.app.export_screenshot() == svg


async def test_no_color(filled: Workspace, svg: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with studio(filled) as pilot:
        await pilot.press("f3")
        await settled(pilot, "review")
        assert pilot.app.export_screenshot() == svg


async def test_help(filled: Workspace, svg: SnapshotAssertion) -> None:
    async with studio(filled) as pilot:
        await pilot.press("f3")
        await settled(pilot, "review")
        await pilot.press("question_mark")
        await pilot.pause()
        assert pilot.app.export_screenshot() == svg
