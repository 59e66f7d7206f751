"""A reviewer's hands: opening the Review screen, writing into its dialogs, and what the store says then."""

from __future__ import annotations

from textual.pilot import Pilot

from store.database import Store
from store.models import Example, PreferencePair
from studio.screens.dialogs.picker import Picker
from studio.workspace import Workspace
from tests.screens.driver import settled, until
from widgets.fields import LineField
from widgets.line_list import LineList


async def opened(pilot: Pilot[None]) -> LineList:
    await pilot.press("f3")
    await settled(pilot, "review")
    await until(pilot, lambda: pilot.app.screen.live.ready.is_set(), "the catalogue")
    return pilot.app.screen.query_one("#examples", LineList)


def stored(workspace: Workspace, example_id: str | None) -> Example:
    with Store.open(workspace.database, readonly=True) as store:
        found = store.examples.get(example_id or "")
    assert found is not None
    return found


def put(workspace: Workspace, *examples: Example) -> None:
    with Store.open(workspace.database) as store:
        store.examples.put_many(examples)


def pairs(workspace: Workspace) -> list[PreferencePair]:
    with Store.open(workspace.database, readonly=True) as store:
        return store.pairs.find()


async def acts(pilot: Pilot[None]) -> None:
    await pilot.app.screen.acts.done()
    await pilot.pause()


async def write(pilot: Pilot[None], text: str) -> None:
    """Write into the dialog that is open, and send it."""
    await until(
        pilot, lambda: pilot.app.screen.is_modal and pilot.app.screen.query(LineField), "the question"
    )
    pilot.app.screen.query_one(LineField).value = text
    await pilot.press("enter")


async def choose(pilot: Pilot[None], words: str) -> None:
    """Choose the line with these words in the list that is open."""

    def place() -> int:
        screen = pilot.app.screen
        titles = [choice.title for choice in screen._choices] if isinstance(screen, Picker) else []
        return next((n for n, title in enumerate(titles) if words in title), -1)

    await until(pilot, lambda: place() >= 0, words)
    pilot.app.screen.query_one(LineList).cursor = place()
    await pilot.press("enter")
