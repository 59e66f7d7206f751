"""The teacher in the review: it mends by a note and judges within a budget, and decides on nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Store
from studio.workspace import Workspace
from tests.fixtures.messages_server import MessagesServer, Step
from tests.screens.driver import studio, text_of, until
from tests.screens.reviewing import acts, choose, opened, stored, write
from widgets.word_diff import WordDiff


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MessagesServer]:
    """A teacher that answers as its script says, in the person's settings."""
    server = MessagesServer().start()
    config = tmp_path / "config"
    config.mkdir()
    settings = f'teacher = "anthropic"\nbase_url = "{server.url}"\nmodel = "claude-sonnet-5-5"\n'
    (config / "settings.toml").write_text(settings)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-of-the-tests")
    yield server
    server.stop()


def mended(asked: str, reply: str) -> str:
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": reply}]
    return json.dumps({"examples": [{"messages": turns}]})


async def test_the_teacher_mends_by_a_note_and_its_version_is_a_diff(
    filled: Workspace, teacher: MessagesServer
) -> None:
    async with studio(filled) as pilot:
        rows = await opened(pilot)
        before = stored(filled, rows.current)
        teacher.script = [Step("text", text=mended(before.messages[0].content, "Kısa."))]
        await pilot.press("m")
        await write(pilot, "too long, no emoji")
        await until(pilot, lambda: pilot.app.screen.query(WordDiff), "the new version")
        assert "too long, no emoji" in teacher.asked[0].prompt
        assert stored(filled, before.id).messages == before.messages, "nothing changes before it is accepted"
        await pilot.press("a")
        await acts(pilot)
        after = stored(filled, before.id)
        assert after.messages[-1].content == "Kısa."
        assert (after.original, after.decisions[-1].action) == (before.messages, "mend")
        await pilot.press("u")
        await acts(pilot)
        assert stored(filled, before.id).messages == before.messages
        with Store.open(filled.database, readonly=True) as store:
            assert sum(job.spent_usd for job in store.jobs if job.kind == "mend") > 0


@pytest.mark.parametrize("text", ["no json", mended("x", ""), json.dumps({"examples": [{"messages": []}]})])
async def test_a_teacher_that_answers_rubbish_changes_nothing(
    filled: Workspace, teacher: MessagesServer, text: str
) -> None:
    async with studio(filled) as pilot:
        rows = await opened(pilot)
        before = stored(filled, rows.current)
        teacher.script = [Step("text", text=text)]
        await pilot.press("m")
        await write(pilot, "shorter")
        await until(pilot, lambda: "No new version" in text_of(pilot), "why not")
        assert stored(filled, before.id) == before


async def test_all_that_is_listed_is_mended_after_previews_and_a_quote(
    filled: Workspace, teacher: MessagesServer
) -> None:
    async with studio(filled) as pilot:
        rows = await opened(pilot)
        await pilot.press("F")
        await choose(pilot, "recipe")
        await choose(pilot, "turkish")
        await until(pilot, lambda: 3 <= len(rows.ids) < 10, "a few")
        listed = list(rows.ids)
        asked = stored(filled, listed[0]).messages[0].content
        teacher.choose = lambda number: Step("text", text=mended(asked, f"Kısa {number}."))
        await pilot.press("M")
        await write(pilot, "shorter")
        for _ in range(3):
            await until(pilot, lambda: pilot.app.screen.query(WordDiff), "a preview")
            shown = pilot.app.screen
            await pilot.press("escape")
            await until(pilot, lambda shown=shown: pilot.app.screen is not shown, "the next")
        assert "never more than $" in text_of(pilot)
        await choose(pilot, "Mend")
        await until(
            pilot, lambda: all(stored(filled, key).edited for key in listed), "all of them", seconds=60
        )
        await until(pilot, lambda: not pilot.app.jobs, "the job's end")
        await pilot.press("u")
        await acts(pilot)
        assert not any(stored(filled, key).edited for key in listed)


async def test_the_offline_teacher_cannot_mend_and_says_so(
    filled: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    async with studio(filled) as pilot:
        await opened(pilot)
        await pilot.press("m")
        await write(pilot, "shorter")
        await until(pilot, lambda: "cannot mend" in text_of(pilot), "why not")


async def test_the_teacher_judges_within_a_budget_and_the_worst_come_first(
    filled: Workspace, teacher: MessagesServer
) -> None:
    teacher.choose = lambda number: Step(
        "text", text=json.dumps({"reason": f"fault {number}", "score": 9 - number})
    )
    async with studio(filled) as pilot:
        rows = await opened(pilot)
        await pilot.press("F")
        await choose(pilot, "recipe")
        await choose(pilot, "turkish")
        await until(pilot, lambda: 3 <= len(rows.ids) < 10, "a few")
        listed = list(rows.ids)
        await pilot.press("J")
        await write(pilot, "nothing")
        await until(pilot, lambda: "An amount in US dollars" in text_of(pilot), "what is wrong")
        assert "All of them cost at most $" in text_of(pilot)
        await write(pilot, "5")
        await until(
            pilot, lambda: all(stored(filled, key).rating for key in listed), "all of them", seconds=60
        )
        await until(pilot, lambda: not pilot.app.jobs, "the job's end")
        scores = {key: stored(filled, key).rating.score for key in listed}
        await until(
            pilot, lambda: list(rows.ids) == sorted(listed, key=scores.__getitem__), "the worst first"
        )
        await pilot.press("home")
        await until(pilot, lambda: "judge" in text_of(pilot) and "fault" in text_of(pilot), "why")
        assert all(stored(filled, key).decisions == () for key in listed), "a judge decides on nothing"
