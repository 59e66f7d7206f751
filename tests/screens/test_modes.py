"""Every screen opens, by every way there is, at both sizes."""

from __future__ import annotations

import pytest

from studio.workspace import Workspace
from tests.screens.driver import MODES, SIZES, settled, studio, text_of, until
from widgets.mode_bar import ModeBar


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])
async def test_screens_open_by_function_key(filled: Workspace, size: tuple[int, int]) -> None:
    async with studio(filled, size) as pilot:
        for number, mode in enumerate(MODES, 1):
            await pilot.press(f"f{number}")
            assert pilot.app.current_mode == mode
            await settled(pilot, mode)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])
async def test_screens_open_by_digit(filled: Workspace, size: tuple[int, int]) -> None:
    async with studio(filled, size) as pilot:
        for number, mode in enumerate(MODES, 1):
            await pilot.press(str(number))
            assert pilot.app.current_mode == mode


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])
async def test_screens_open_by_a_click_on_their_tab(filled: Workspace, size: tuple[int, int]) -> None:
    async with studio(filled, size) as pilot:
        for mode in (*MODES[1:], MODES[0]):
            bar = pilot.app.screen.query_one(ModeBar)
            first = next(first for first, _, name in bar.spans() if name == mode)
            await pilot.click(bar, offset=(first + 1 + bar.styles.padding.left, 0))
            await pilot.pause()
            assert pilot.app.current_mode == mode


async def test_function_keys_work_in_a_text_field_and_digits_are_text(filled: Workspace) -> None:
    async with studio(filled) as pilot:
        await pilot.press("7")
        await settled(pilot, "chat")
        prompt = pilot.app.screen.query_one("#prompt")
        await pilot.press("3", "slash", "plus", "minus", "question_mark", "m")
        assert pilot.app.current_mode == "chat"
        assert prompt.text == "3/+-?m"
        await pilot.press("f3")
        assert pilot.app.current_mode == "review"


async def test_escape_leaves_the_text_field_and_then_digits_switch(filled: Workspace) -> None:
    async with studio(filled) as pilot:
        await pilot.press("7")
        await settled(pilot, "chat")
        await pilot.press("escape", "3")
        assert pilot.app.current_mode == "review"


@pytest.mark.parametrize("size", [(79, 24), (80, 23), (20, 5)])
async def test_a_terminal_that_is_too_small_says_so_in_one_line(
    filled: Workspace, size: tuple[int, int]
) -> None:
    async with studio(filled, size) as pilot:
        shown = [widget for widget in pilot.app.screen.children if widget.display]
        assert [widget.id for widget in shown] == ["too-small"]
        assert shown[0].size.height == 1
        assert f"{size[0]}×{size[1]}" in str(shown[0].render())


async def test_a_screen_that_was_too_small_comes_back(filled: Workspace) -> None:
    async with studio(filled, (60, 20)) as pilot:
        await pilot.resize_terminal(80, 24)
        await settled(pilot, "overview")
        assert pilot.app.screen.query_one("#body").display


@pytest.mark.parametrize("mode", MODES)
async def test_an_empty_workspace_pretends_nothing(empty: Workspace, mode: str) -> None:
    async with studio(empty) as pilot:
        await pilot.press(f"f{MODES.index(mode) + 1}")
        expected = {
            "overview": "Next",
            "generate": "g Start",
            "review": "Nothing waits for review",
            "train": "Nothing was trained yet",
            "validate": "Nothing was validated yet",
            "deploy": "Nothing was deployed yet",
            "chat": "Say something below",
        }
        await until(pilot, lambda: expected[mode] in text_of(pilot), expected[mode])
        assert "100 %" not in text_of(pilot)
