"""Two models side by side: blind, judged by one key, scored, and a suite's prompts one after the other."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from store.models import Status
from studio.workspace import Workspace
from tests.fixtures.replayer import HANG, last, piece, replaying
from tests.screens.driver import SIZES, studio, text_of, until
from widgets.transcript import Transcript

pytestmark = pytest.mark.slow


async def judged(pilot: Pilot[None], number: int) -> list[Any]:
    store = pilot.app.session.store  # type: ignore[attr-defined]
    found: list[Any] = []

    async def look() -> None:
        found[:] = await store.run(lambda reader: list(reader.pairs))

    for _ in range(200):
        await look()
        if len(found) == number:
            break
        await pilot.pause(0.05)
    return found


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])
async def test_a_blind_verdict_is_a_pair_and_names_come_after_it(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    script = (piece("Ben **{model}** [/red]"), last(tokens=3, seconds=1))
    async with replaying(*script, loaded=("model-a", "model-b"), fill_in=True) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        async with studio(empty, size) as pilot:
            await pilot.press("f7")
            await until(pilot, lambda: pilot.app.screen.model == "model-a", "a model")
            await pilot.press("escape", "c")
            await until(pilot, lambda: "blind" in text_of(pilot), "the comparison")
            compare: Any = pilot.app.screen
            compare.models = ("model-a", "model-b")
            # No verdict before both have answered.
            assert not compare.check_action("judge", ("left",))
            compare.query_one("#prompt").put("Kimsin?")
            await pilot.press("enter")
            await until(pilot, lambda: len(compare.replies) == 2 and not compare.busy, "both replies")
            assert {one["model"] for one in server.asked} == {"model-a", "model-b"}
            names = [compare.query_one(f"#{side}", Transcript).entries[0].who for side in ("left", "right")]
            assert names == ["Left", "Right"]

            await pilot.press("left")
            (pair,) = await judged(pilot, 1)
            left = compare.trial.left
            assert pair.status is Status.ACCEPTED
            assert pair.chosen == f"Ben **{left}** [/red]"
            assert (pair.judgement.blind, pair.judgement.verdict) == (True, "left")
            assert compare.query_one("#left", Transcript).entries[0].who == left
            score = "1 – 0" if left == "model-a" else "0 – 1"
            await until(pilot, lambda: score in text_of(pilot), "the score")
            assert "%" in text_of(pilot)

            # Judged again, the verdict is another one and not a second one.
            await pilot.press("equals_sign")
            await until(pilot, lambda: "1 ties" in text_of(pilot), "the tie")
            (pair,) = await judged(pilot, 1)
            assert pair.status is Status.REJECTED
            await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is not compare, "the chat again")


async def test_a_cancelled_comparison_says_why_it_is_not_judged(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (piece("so far"), HANG)
    async with replaying(*script, loaded=("model-a", "model-b")) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        async with studio(empty, (160, 50)) as pilot:
            await pilot.press("f7")
            await until(pilot, lambda: pilot.app.screen.model == "model-a", "a model")
            await pilot.press("escape", "c")
            compare: Any = pilot.app.screen
            compare.models = ("model-a", "model-b")
            compare.query_one("#prompt").put("Anlat.")
            await pilot.press("enter")
            await until(pilot, lambda: text_of(pilot).count("so far") == 2, "both beginnings")
            await pilot.press("escape")
            await until(pilot, lambda: text_of(pilot).count("only whole replies") == 2, "why")
            assert not compare.check_action("judge", ("left",))
            await pilot.press("left")
            assert await judged(pilot, 0) == []


async def test_a_suite_is_judged_case_by_case_and_goes_on_where_it_was_left(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (piece("Ben {model} {number}"), last(tokens=3, seconds=1))
    async with replaying(*script, loaded=("model-a", "model-b"), fill_in=True) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        async with studio(empty) as pilot:
            await pilot.press("f7")
            await until(pilot, lambda: pilot.app.screen.model == "model-a", "a model")
            await pilot.press("escape", "c")
            compare: Any = pilot.app.screen
            compare.models = ("model-a", "model-b")
            for round_number in range(2):
                compare.set_focus(compare.query_one("#left"))
                await pilot.press("S")
                await until(pilot, lambda: "Judge the prompts" in text_of(pilot), "the suites")
                await pilot.press("enter")
                await until(pilot, lambda: len(compare.replies) == 2 and not compare.busy, "both replies")
                first = compare.trial.case_id
                await pilot.press("right")
                await judged(pilot, 2 * round_number + 1)
                await pilot.press("n")
                await until(
                    pilot,
                    lambda: compare.trial.case_id != first and len(compare.replies) == 2 and not compare.busy,  # noqa: B023
                    "the next case",
                )
                await pilot.press("left")
                pairs = await judged(pilot, 2 * round_number + 2)
            cases = [pair.judgement.case_id for pair in pairs]
            assert len(set(cases)) == 4
            assert all(pair.judgement.suite == compare._suite.name for pair in pairs)
