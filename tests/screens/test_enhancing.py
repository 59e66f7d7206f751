"""The enhancer in Review: shown as a diff, done as one act, taken back by one key."""

from __future__ import annotations

import pytest

from store.database import Store
from store.models import Example
from studio.screens.dialogs.comparing import ComparingScreen
from studio.screens.dialogs.picker import Picker
from studio.workspace import Workspace
from tests.screens.driver import SIZES, studio, text_of, until
from tests.screens.reviewing import acts, choose, opened

sized = pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])


def all_stored(workspace: Workspace) -> dict[str, Example]:
    with Store.open(workspace.database, readonly=True) as store:
        return {e.id: e for e in store.examples}


@sized
async def test_preview_other_words_enhance_and_undo(filled: Workspace, size: tuple[int, int]) -> None:
    before = all_stored(filled)
    async with studio(filled, size) as pilot:
        rows = await opened(pilot)
        listed = set(rows.ids)
        await pilot.press("asterisk")
        await choose(pilot, "Choose other words")
        await until(
            pilot,
            lambda: isinstance(pilot.app.screen, Picker) and "seed 2" in text_of(pilot),
            "the second seed",
        )
        await choose(pilot, "Show what changes")
        await until(pilot, lambda: isinstance(pilot.app.screen, ComparingScreen), "the first diff")
        assert all_stored(filled) == before
        for _ in range(3):
            await until(pilot, lambda: pilot.app.screen.is_modal, "a diff or the question")
            if isinstance(pilot.app.screen, ComparingScreen):
                await pilot.press("escape")
        await choose(pilot, "Enhance ")
        await until(pilot, lambda: not pilot.app.screen.is_modal, "the review")
        await acts(pilot)
        changed = {key: e for key, e in all_stored(filled).items() if e.provenance.enhanced}
        assert changed
        assert set(changed) <= listed
        assert {e.provenance.enhanced for e in changed.values()} == {"enhancer, seed 2"}
        assert {e.status.value for e in changed.values()} == {"pending"}
        await pilot.press("u")
        await acts(pilot)
        after = all_stored(filled)
        assert not any(e.provenance.enhanced for e in after.values())
        assert {key: e.messages for key, e in after.items()} == {key: e.messages for key, e in before.items()}
        assert {key: e.status for key, e in after.items()} == {key: e.status for key, e in before.items()}
