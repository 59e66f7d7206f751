"""What tests of the screens do again and again: open the studio, wait for what it shall show, read the terminal."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from studio.app import StudioApp
from studio.workspace import Workspace

SIZES = [(80, 24), (160, 50)]
MODES = ("overview", "generate", "review", "train", "validate", "deploy", "chat")


async def until(
    pilot: Pilot[None], condition: Callable[[], object], what: str, seconds: float = 60.0
) -> None:
    """Wait until `condition` holds, letting the app work; fail after `seconds` with what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s for: {what}")
        await pilot.pause(0.02)
    await pilot.pause()


@asynccontextmanager
async def studio(workspace: Workspace, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """Run the studio until its workspace is open."""
    app = StudioApp(workspace)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.session is not None, "an open workspace")
        yield pilot


async def settled(pilot: Pilot[None], mode: str) -> None:
    """Wait until a screen of the filled workspace shows all that it has, and hold what would blink."""
    from widgets.conversation_pane import ConversationPane
    from widgets.figures import Figures
    from widgets.line_list import LineList
    from widgets.score_table import ScoreTable
    from widgets.stage_list import StageList
    from widgets.standing import CategoryTable
    from widgets.transcript import Transcript

    screen = pilot.app.screen
    ready: dict[str, Callable[[], object]] = {
        "overview": lambda: (
            screen.query(CategoryTable) and screen.query_one(CategoryTable).rows and _said(pilot)
        ),
        "generate": lambda: len(screen.query_one(LineList).ids) == 25,
        "review": lambda: screen.query_one(ConversationPane).turns and screen.live.ready.is_set(),
        "train": lambda: screen.query("PlotextPlot") and screen.query_one(Figures).rows and _drawn(pilot),
        "validate": lambda: screen.query_one(ScoreTable).rows,
        "deploy": lambda: len(screen.query_one(StageList).rows) == 8 and screen.query_one(LineList).ids,
        "chat": lambda: len(screen.query_one(Transcript).entries) == 2 and "jessy:r2" in text_of(pilot),
    }
    await until(pilot, ready[mode], f"what {mode} shows")
    hold_cursors(pilot)
    await _still(pilot)


def hold_cursors(pilot: Pilot[None]) -> None:
    """Let no cursor of the screen blink; that of the field with the focus shows."""
    for field in pilot.app.screen.query(TextArea):
        field.cursor_blink = False
        field._pause_blink(visible=field.has_focus)
        # Its cache does not tell a cursor that does not blink from one in its dark half.
        field._line_cache.clear()
        field.refresh()
    for line in pilot.app.screen.query(Input):
        line.cursor_blink = False


def _said(pilot: Pilot[None]) -> bool:
    # The money comes with the ingestion of the job's folder, which begins when the workspace is open.
    shown = text_of(pilot)
    return "Opening" not in shown and "$0.12" in shown


async def _still(pilot: Pilot[None], frames: int = 4, limit: int = 100) -> None:
    """Wait until `frames` frames in a row look the same."""
    last, same = "", 0
    for _ in range(limit):
        shown = pilot.app.export_screenshot()
        same = same + 1 if shown == last else 0
        if same == frames:
            return
        last = shown
        await pilot.pause(0.03)


def _drawn(pilot: Pilot[None]) -> bool:
    from widgets.loss_chart import LossChart

    return pilot.app.screen.query_one(LossChart).drawn


def text_of(pilot: Pilot[None]) -> str:
    """Return what is on the terminal, line by line."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())
