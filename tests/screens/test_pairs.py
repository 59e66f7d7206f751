"""The preference pairs over the review: read, dropped, kept and taken back by keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot

from store.database import Store
from store.models import Judgement, Message, PreferencePair, Provenance, Status
from studio.workspace import Workspace
from tests.fixtures.hostile import FORBIDDEN, KNOWN
from tests.screens.driver import SIZES, _still, studio, text_of, until
from tests.screens.material import MOMENT
from tests.screens.reviewing import opened, pairs
from widgets.line_list import LineList

sizes = pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])
pytestmark = pytest.mark.slow


def made(number: int, **values: object) -> PreferencePair:
    return PreferencePair.model_validate(
        {
            "id": f"{number:032x}",
            "created_at": MOMENT + timedelta(seconds=number),
            "prompt": (Message(role="user", content=f"Soru {number}: owl pattern nedir?"),),
            "chosen": "Gece ormanı tarayan bir baykuş: önce geniş bakar, sonra dalar ✨\n\n```py\nx = 1\n```",
            "rejected": "The owl pattern is a pattern of owls.",
            **values,
        }
    )


PAIRS = (
    made(
        1,
        status=Status.ACCEPTED,
        judgement=Judgement(left="jessy:r1", right="base", verdict="left", blind=True, suite="x", case_id="1"),
    ),
    made(2, status=Status.REJECTED, judgement=Judgement(left="jessy:r1", right="base", verdict="tie")),
    made(3, provenance=Provenance(teacher="person", chat_session_id="c" * 32, tag="jessy:r1", parent_id="0" * 32)),
    made(4, provenance=Provenance(teacher="person", parent_id=f"{0:032x}")),
)  # fmt: skip


async def listed(pilot: Pilot[None], *found: PreferencePair) -> LineList:
    await opened(pilot)
    await pilot.press("w")
    await until(pilot, lambda: pilot.app.screen.query("#pairs"), "the pairs")
    rows = pilot.app.screen.query_one("#pairs", LineList)
    await until(pilot, lambda: len(rows.ids) == len(found), "the rows")
    return rows


def put(workspace: Workspace, *found: PreferencePair) -> None:
    with Store.open(workspace.database) as store:
        store.pairs.put_many(found)


def status(workspace: Workspace, number: int) -> Status:
    return next(pair.status for pair in pairs(workspace) if pair.id == f"{number:032x}")


@sizes
async def test_pairs_are_read_side_by_side_dropped_and_taken_back(
    filled: Workspace, size: tuple[int, int]
) -> None:
    put(filled, *PAIRS)
    async with studio(filled, size) as pilot:
        rows = await listed(pilot, *PAIRS)
        shown = text_of(pilot)
        for words in ("4 preference pairs", "compared in Chat 2", "mended in Chat 1", "edited in Review 1"):
            assert words in shown
        # Both replies are in the same lines.
        assert any("baykuş" in line and "pattern of" in line for line in shown.splitlines())

        await pilot.press("end", "r")
        await until(pilot, lambda: status(filled, 1) is Status.REJECTED, "it dropped")
        await until(pilot, lambda: "✗ 1 dropped" in text_of(pilot), "the count")
        await pilot.press("home", "a")
        await until(pilot, lambda: status(filled, 4) is Status.ACCEPTED, "it kept")
        await pilot.press("u")
        await until(pilot, lambda: status(filled, 4) is Status.PENDING, "the last one taken back")
        assert rows.current == f"{4:032x}"
        await pilot.press("u")
        await until(pilot, lambda: status(filled, 1) is Status.ACCEPTED, "the first one taken back")
        await until(pilot, lambda: rows.current == f"{1:032x}", "the cursor on it")
        assert "jessy:r1 over base" in text_of(pilot)

        # One source after the other, then all.
        await pilot.press("g")
        await until(pilot, lambda: len(rows.ids) == 2, "what was compared")
        await pilot.press("g", "g", "g")
        await until(pilot, lambda: len(rows.ids) == 4, "all")
        await pilot.press("escape")
        await until(pilot, lambda: not pilot.app.screen.is_modal, "the review")


async def test_a_tie_cannot_be_kept(filled: Workspace) -> None:
    put(filled, PAIRS[1])
    async with studio(filled) as pilot:
        await listed(pilot, PAIRS[1])
        await pilot.press("a")
        await until(pilot, lambda: "a tie prefers neither" in text_of(pilot), "why not")
        assert status(filled, 2) is Status.REJECTED


async def test_hostile_pairs_are_drawn_and_obeyed_by_nothing(filled: Workspace) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in KNOWN]
    put(
        filled,
        *(
            made(
                number,
                prompt=(Message(role="user", content=text),),
                chosen=text,
                rejected=text[::-1],
                provenance=Provenance(teacher=text, model=text, tag=text, chat_session_id=text),
            )
            for number, text in enumerate(texts)
        ),
    )
    async with studio(filled, (160, 50)) as pilot:
        rows = await listed(pilot, *(PAIRS[0] for _ in texts))
        for _ in texts:
            await pilot.press("down")
            assert FORBIDDEN.search(text_of(pilot)) is None
        assert rows.cursor == len(texts) - 1


@sizes
async def test_pairs_picture(filled: Workspace, svg: SnapshotAssertion, size: tuple[int, int]) -> None:
    put(filled, *PAIRS)
    async with studio(filled, size) as pilot:
        await listed(pilot, *PAIRS)
        await _still(pilot)
        assert pilot.app.export_screenshot() == svg
