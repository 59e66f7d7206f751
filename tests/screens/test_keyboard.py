"""Keys that come faster than the studio works them off."""

from __future__ import annotations

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from studio.screens.dialogs.picker import Picker
from studio.workspace import Workspace
from tests.screens.driver import settled, studio, until
from widgets.line_list import LineList


def at_once(pilot: Pilot[None], *keys: tuple[str, str | None]) -> None:
    """Put keys into the queue in one go, as a paste into the terminal does."""
    for key, character in keys:
        pilot.app.post_message(events.Key(key, character))


async def test_what_follows_the_search_key_is_text_and_no_decision(filled: Workspace) -> None:
    async with studio(filled) as pilot:
        await pilot.press("f3")
        await settled(pilot, "review")
        before = pilot.app.session.store.counts.by_status
        at_once(pilot, ("slash", "/"), ("a", "a"), ("r", "r"), ("ç", "ç"))
        await until(pilot, lambda: pilot.app.screen.query_one(Input).value == "arç", "the text in its field")
        assert pilot.app.session.store.counts.by_status == before


async def test_a_key_is_obeyed_once(filled: Workspace) -> None:
    async with studio(filled) as pilot:
        await pilot.press("f3")
        await settled(pilot, "review")
        before = pilot.app.session.store.counts.by_status
        at_once(pilot, ("a", "a"), ("r", "r"), ("a", "a"))
        await until(
            pilot,
            lambda: pilot.app.session.store.counts.by_status["pending"] <= before["pending"] - 3,
            "three decisions",
        )
        after = pilot.app.session.store.counts.by_status
        assert after["accepted"] == before["accepted"] + 2
        assert after["rejected"] == before["rejected"] + 1


async def test_a_dialog_takes_the_enter_that_came_before_its_first_frame(filled: Workspace) -> None:
    async with studio(filled) as pilot:
        await pilot.press("f3")
        await settled(pilot, "review")
        rows = len(pilot.app.screen.query_one("#examples", LineList).ids)
        accepted = pilot.app.session.store.counts.by_status["accepted"]
        at_once(pilot, ("A", "A"), ("enter", "\r"))
        await until(
            pilot,
            lambda: pilot.app.session.store.counts.by_status["accepted"] > accepted,
            "the decisions of the dialog's first choice",
        )
        assert not isinstance(pilot.app.screen, Picker)
        assert rows > 0


async def test_each_of_a_row_of_dialogs_gets_its_own_enter(filled: Workspace) -> None:
    """The second list opens from the first one's answer, which nothing waits for."""
    async with studio(filled) as pilot:
        await pilot.press("f3")
        await settled(pilot, "review")
        await until(pilot, lambda: pilot.app.screen.live.ready.is_set(), "the catalogue")
        assert pilot.app.screen.wanted.title == "all categories · pending"
        at_once(pilot, ("F", "F"), ("enter", "\r"), ("down", None), ("enter", "\r"))
        await until(
            pilot,
            lambda: not pilot.app.screen.is_modal and pilot.app.screen.wanted.status != "pending",
            "the filter that was chosen second",
        )
