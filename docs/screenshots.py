"""Takes the README's pictures from a real workspace: python docs/screenshots.py WORKSPACE [FOLDER].

`make screenshots` runs the demo first, so that what they show was really made.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from studio.app import StudioApp
from studio.screens.frame import TABS
from studio.workspace import Workspace

SIZE = (120, 34)
SETTLE_SECONDS = 20.0
KEYS = {"review": ("v", "home", "enter")}
"""Pressed before the picture: what is decided already shows in Review by its status."""


async def take(workspace: Workspace, folder: Path) -> None:
    """Show each screen, wait until it no longer changes and write it as an SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    app = StudioApp(workspace)
    # What one sees is the place of the person who reads, not of the machine that took the picture.
    app.place = "~/jessy"
    async with app.run_test(size=SIZE) as pilot:
        for number, tab in enumerate(TABS, 1):
            await pilot.press(f"f{number}")
            if tab.mode in KEYS:
                await _settled(app)
                await pilot.press(*KEYS[tab.mode])
            (folder / f"{tab.mode}.svg").write_text(await _settled(app), encoding="utf-8")
            print(f"{tab.mode}.svg")


async def _settled(app: StudioApp) -> str:
    """Return the screen once two pictures half a second apart are the same, or after a while as it is."""
    deadline = time.monotonic() + SETTLE_SECONDS
    before, now = "", app.export_screenshot(title="JESSY Studio", simplify=True)
    while before != now and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        before, now = now, app.export_screenshot(title="JESSY Studio", simplify=True)
    return now


if __name__ == "__main__":
    place = Workspace.find(Path(sys.argv[1]))
    asyncio.run(take(place, Path(sys.argv[2] if len(sys.argv) > 2 else "docs/images")))
