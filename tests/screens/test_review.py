"""Review by keys: each decision is obeyed, durable and undoable, at both sizes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from textual.pilot import Pilot

from store.database import Store
from store.models import Example
from studio.workspace import Workspace
from tests.fixtures.small_demo import small_demo
from tests.screens.driver import SIZES, settled, studio, text_of, until
from widgets.fields import TextField
from widgets.line_list import LineList
from widgets.turn_editor import TurnEditor


async def opened(pilot: Pilot[None]) -> LineList:
    await pilot.press("f3")
    await settled(pilot, "review")
    return pilot.app.screen.query_one("#examples", LineList)


def stored(workspace: Workspace, example_id: str) -> Example:
    with Store.open(workspace.database, readonly=True) as store:
        found = store.examples.get(example_id)
    assert found is not None
    return found


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])
async def test_keys_decide_and_the_next_example_is_there(filled: Workspace, size: tuple[int, int]) -> None:
    async with studio(filled, size) as pilot:
        rows = await opened(pilot)
        ids = list(rows.ids[:5])
        await pilot.press("a", "r", "f", "s")
        assert rows.current == ids[4]
        await pilot.app.screen.acts.done()
        # Read by another process's eyes: what was decided is on the disk.
        states = [stored(filled, key).status.value for key in ids]
        assert states == ["accepted", "rejected", "flagged", "pending", "pending"]
        assert [stored(filled, key).decisions[-1].action for key in ids[:4]] == [
            "accept",
            "reject",
            "flag",
            "skip",
        ]


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])
async def test_undo_to_the_first_and_redo(filled: Workspace, size: tuple[int, int]) -> None:
    async with studio(filled, size) as pilot:
        rows = await opened(pilot)
        ids = list(rows.ids[:3])
        await pilot.press("a", "r", "a", "u", "u", "u", "U")
        await pilot.app.screen.acts.done()
        assert [stored(filled, key).status.value for key in ids] == ["accepted", "pending", "pending"]
        assert rows.current == ids[0]


async def test_keys_pressed_at_once_are_obeyed_in_order(filled: Workspace) -> None:
    async with studio(filled) as pilot:
        rows = await opened(pilot)
        ids = list(rows.ids)
        screen = pilot.app.screen
        for place in range(len(ids)):
            screen.action_decide("accept" if place % 2 else "reject")
        await screen.acts.done()
        states = [stored(filled, key).status.value for key in ids]
        assert states == ["accepted" if place % 2 else "rejected" for place in range(len(ids))]


@pytest.mark.slow
async def test_an_undo_before_the_policy_takes_back_what_was_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.screens.review.browsing._FIRST_SECONDS", 3.0)
    workspace = small_demo(tmp_path / "demo")
    for step in ("collect", "generate"):
        command = [sys.executable, "-m", "studio", step, "-w", str(workspace.root), "--json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    async with studio(workspace) as pilot:
        await pilot.press("f3")
        screen = pilot.app.screen
        rows = screen.query_one("#examples", LineList)
        await until(pilot, lambda: rows.ids, "the list")
        number = len(rows.ids)
        # The undo waits until all examples are read; what comes after it has to wait, too.
        await pilot.press("r", "u", "A")
        await until(pilot, lambda: "passes its recipe" in text_of(pilot), "the choices")
        await pilot.press("enter")
        await until(
            pilot, lambda: pilot.app.session.store.counts.by_status["accepted"], "the policy's decisions"
        )
        await screen.acts.done()
        assert pilot.app.session.store.counts.by_status["accepted"] == number
        await pilot.press("u")
        await screen.acts.done()
        assert pilot.app.session.store.counts.by_status["pending"] == number


async def test_a_restart_remembers_what_can_be_undone(filled: Workspace) -> None:
    async with studio(filled) as pilot:
        rows = await opened(pilot)
        first = rows.current
        await pilot.press("a")
        await pilot.app.screen.acts.done()
    assert first is not None
    async with studio(filled) as pilot:
        await opened(pilot)
        await pilot.press("u")
        await pilot.app.screen.acts.done()
        assert stored(filled, first).status.value == "pending"
        await until(
            pilot, lambda: pilot.app.screen.query_one("#examples", LineList).current == first, "its row"
        )


async def test_an_edit_is_kept_and_can_be_undone(filled: Workspace) -> None:
    async with studio(filled) as pilot:
        rows = await opened(pilot)
        first = rows.current
        assert first is not None
        before = stored(filled, first)
        await pilot.press("e")
        await until(pilot, lambda: pilot.app.screen.query(TurnEditor), "the editor")
        await pilot.press(*"Hadi/a", "ctrl+s")
        await until(pilot, lambda: not pilot.app.screen.query(TurnEditor), "the editor's end")
        await pilot.app.screen.acts.done()
        edited = stored(filled, first)
        assert edited.messages[-1].content.endswith("Hadi/a")
        assert edited.original == before.messages
        await pilot.press("u")
        await pilot.app.screen.acts.done()
        assert stored(filled, first).messages == before.messages


async def test_an_edit_that_empties_a_turn_is_refused_and_not_lost(filled: Workspace) -> None:
    async with studio(filled) as pilot:
        rows = await opened(pilot)
        first = rows.current
        assert first is not None
        await pilot.press("e")
        await until(pilot, lambda: pilot.app.screen.query(TurnEditor), "the editor")
        pilot.app.screen.query_one(TextField).text = "rubbish"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "Not kept" in text_of(pilot), "why it was not kept")
        await pilot.press("escape")
        await until(pilot, lambda: not pilot.app.screen.query(TurnEditor), "the editor's end")
        await pilot.press("e")
        await until(pilot, lambda: "rubbish" in text_of(pilot), "what had been written")
        assert not stored(filled, first).edited


async def test_search_knows_turkish_and_escape_lets_go(filled: Workspace) -> None:
    async with studio(filled) as pilot:
        rows = await opened(pilot)
        everything = len(rows.ids)
        await pilot.press("slash", *"ÜÇ SAATTİR", "enter")
        await until(pilot, lambda: 0 < len(rows.ids) < everything, "fewer rows")
        await until(pilot, lambda: "Üç saattir" in text_of(pilot), "what was found")
        await pilot.press("escape")
        await until(pilot, lambda: len(rows.ids) == everything, "all rows again")


async def test_filters(filled: Workspace) -> None:
    async with studio(filled) as pilot:
        rows = await opened(pilot)
        with_status = pilot.app.session.store.counts.by_status["accepted"]
        await pilot.press("v")
        await until(pilot, lambda: "flagged" in text_of(pilot), "the choices")
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: len(rows.ids) == with_status, "the accepted ones")
        await pilot.press("c")
        await until(pilot, lambda: "technical" in text_of(pilot), "the categories")
        await pilot.press("end", "enter")
        await until(pilot, lambda: 0 < len(rows.ids) < with_status, "those of one category")


async def test_an_editor_that_cannot_be_shown_here_says_so(
    filled: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VISUAL", f"{sys.executable} {tmp_path}/none.py")
    async with studio(filled) as pilot:
        await opened(pilot)
        await pilot.press("E")
        await until(pilot, lambda: "cannot hand over" in text_of(pilot), "the toast")
