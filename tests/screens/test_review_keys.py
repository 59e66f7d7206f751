"""Every key of the review does what it says, at both sizes, and what it changed is on the disk."""

from __future__ import annotations

from collections import Counter

import pytest

from store.database import Store
from store.models import Example, Message, Signals, Status
from studio.config.recipes import load_recipes
from studio.jobs.generate.order import Spec
from studio.jobs.process.folder import JobFolder
from studio.workspace import Workspace
from tests.screens.driver import SIZES, studio, text_of, until
from tests.screens.reviewing import acts, choose, opened, pairs, put, stored, write
from widgets.conversation_pane import ConversationPane
from widgets.turn_editor import TurnEditor
from widgets.word_diff import WordDiff

sized = pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])


@sized
async def test_reason_note_turns_and_leave_out(filled: Workspace, size: tuple[int, int]) -> None:
    long = Example(
        id="f" * 32,
        messages=tuple(
            Message(role="user" if n % 2 == 0 else "assistant", content=f"turn {n}") for n in range(6)
        ),
        category="conversations",
        signals=Signals(words=6, languages=("en",) * 6),
    )
    put(filled, long)
    async with studio(filled, size) as pilot:
        rows = await opened(pilot)
        first = rows.current
        await pilot.press("r")
        await until(pilot, lambda: "why?" in text_of(pilot), "the reasons")
        await pilot.press("2")
        await acts(pilot)
        assert pilot.app.screen.MODE == "review", "a digit gave a reason and did not leave the screen"
        assert stored(filled, first).decisions[-1].reason == "not the persona"
        assert "why?" not in text_of(pilot)

        await pilot.press("end")
        assert rows.current == long.id
        await until(pilot, lambda: "turn 0" in text_of(pilot), "the long one")
        await pilot.press("n")
        await write(pilot, "good until turn 3")
        await acts(pilot)
        assert stored(filled, long.id).note == "good until turn 3"

        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "turn 5" in text_of(pilot), "the last turn, scrolled to")
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert pilot.app.screen.query_one(ConversationPane).marked == 3
        await pilot.press("l")
        await acts(pilot)
        assert stored(filled, long.id).left_out_turns == (3,)
        await pilot.press("x")
        await acts(pilot)
        assert len(stored(filled, long.id).messages) == 4
        await pilot.press("u", "u", "u")
        await acts(pilot)
        back = stored(filled, long.id)
        assert (back.messages, back.left_out_turns, back.note) == (long.messages, (), None)
        await pilot.press("U")
        await acts(pilot)
        assert stored(filled, long.id).note == "good until turn 3"


@pytest.mark.slow
@sized
async def test_diff_info_pair_neighbour_and_statistics(filled: Workspace, size: tuple[int, int]) -> None:
    one = _all(filled)[0]
    alike = Signals(words=9, near_duplicate_of=one.id, near_duplicate_similarity=0.9)
    put(filled, one.model_copy(update={"id": "e" * 32, "status": Status.PENDING, "signals": alike}))
    async with studio(filled, size) as pilot:
        rows = await opened(pilot)
        first = rows.current
        await pilot.press("e")
        await until(pilot, lambda: pilot.app.screen.query(TurnEditor), "the editor")
        await pilot.press(*"Yeni", "ctrl+s")
        await acts(pilot)
        await pilot.press("d")
        await until(pilot, lambda: pilot.app.screen.query(WordDiff), "the diff")
        diff = pilot.app.screen.query_one(WordDiff).render()
        assert any("$success" in str(span.style) for span in diff.spans)
        await pilot.press("escape", "P")
        await acts(pilot)
        (pair,) = pairs(filled)
        assert pair.provenance.parent_id == first
        assert pair.chosen.endswith("Yeni")
        assert not pair.rejected.endswith("Yeni")
        await pilot.press("i")
        await until(pilot, lambda: "edit by person" in text_of(pilot), "the history")
        await pilot.press("escape", "S")
        await until(pilot, lambda: "Category by language and status" in text_of(pilot), "the table")
        await pilot.press("escape")

        like = next(e for e in _all(filled) if e.signals.near_duplicate_of and e.status == "pending")
        await pilot.press("F")
        await choose(pilot, "signal")
        await choose(pilot, "near-duplicate")
        await until(pilot, lambda: like.id in rows.ids and first not in rows.ids, "only what is alike")
        rows.select(like.id)
        await until(pilot, lambda: pilot.app.screen.current_example() is not None, "it")
        await pilot.press("D")
        await until(pilot, lambda: len(pilot.app.screen.query(WordDiff)) == 2, "both")
        await pilot.press("a")
        await acts(pilot)
        allowed = stored(filled, like.id)
        assert (allowed.status, allowed.signals.near_duplicate_allowed) == ("accepted", True)


def _all(workspace: Workspace) -> list[Example]:
    with Store.open(workspace.database, readonly=True) as store:
        return store.examples.find()


@pytest.mark.slow
@sized
async def test_accept_all_reject_all_and_replace_are_one_undo_each(
    filled: Workspace, size: tuple[int, int]
) -> None:
    async with studio(filled, size) as pilot:
        rows = await opened(pilot)
        listed = list(rows.ids)
        before = {e.id: e for e in _all(filled)}
        await pilot.press("A")
        await choose(pilot, "Accept all")
        await until(pilot, lambda: f"{len(listed)} accepted" in text_of(pilot), "what was done")
        assert {stored(filled, key).status.value for key in listed} == {"accepted"}
        await pilot.press("u")
        await acts(pilot)
        assert {stored(filled, key).status.value for key in listed} == {"pending"}
        await pilot.press("R")
        await choose(pilot, "Reject all")
        await until(pilot, lambda: f"{len(listed)} rejected" in text_of(pilot), "what was done")
        await pilot.press("u")
        await acts(pilot)
        assert {stored(filled, key).status.value for key in listed} == {"pending"}

        await pilot.press("H")
        await write(pilot, "Hadi")
        await write(pilot, "Haydi")
        await choose(pilot, "Show what changes")
        await until(pilot, lambda: pilot.app.screen.query(WordDiff), "a preview")
        while pilot.app.screen.query(WordDiff):
            await pilot.press("escape")
            await pilot.pause()
        await choose(pilot, "Replace in")
        await until(pilot, lambda: "examples changed" in text_of(pilot), "what was done")
        assert any("Haydi" in e.messages[-1].content for e in _all(filled))
        await pilot.press("u")
        await acts(pilot)
        assert {e.id: e.messages for e in _all(filled)} == {key: e.messages for key, e in before.items()}


@sized
async def test_a_sample_and_what_becomes_of_the_rest(filled: Workspace, size: tuple[int, int]) -> None:
    async with studio(filled, size) as pilot:
        rows = await opened(pilot)
        everything = len(rows.ids)
        await pilot.press("p")
        await choose(pilot, "± 10%")
        await until(
            pilot, lambda: "sample 0 of" in text_of(pilot) and len(rows.ids) < everything, "the sample"
        )
        await pilot.press("a", "a", "r")
        await acts(pilot)
        await until(pilot, lambda: "sample 3 of" in text_of(pilot), "three of it")
        assert "67 %" in text_of(pilot)
    # The sample is still there after a restart.
    async with studio(filled, size) as pilot:
        await opened(pilot)
        await until(pilot, lambda: "sample 3 of" in text_of(pilot), "the sample again")
        await pilot.press("p")
        await choose(pilot, f"Accept the {everything - 3} others")
        await acts(pilot)
        await until(pilot, lambda: "accepted" in text_of(pilot), "what was done")
        accepted = [
            e for e in _all(filled) if e.decisions and (e.decisions[-1].reason or "").startswith("sample")
        ]
        assert len(accepted) == everything - 3
        assert "2 of 3 accepted, 67%" in (accepted[0].decisions[-1].reason or "")


async def test_the_rest_is_rejected_and_as_many_are_ordered_again(filled: Workspace) -> None:
    async with studio(filled, (80, 24)) as pilot:
        rows = await opened(pilot)
        everything = len(rows.ids)
        await pilot.press("p")
        await choose(pilot, "± 10%")
        await until(pilot, lambda: "sample 0 of" in text_of(pilot), "the sample")
        await pilot.press("r", "r", "p")
        await choose(pilot, "and order as many again")

        def order() -> Spec | None:
            with Store.open(filled.database, readonly=True) as store:
                folders = [JobFolder(filled.root / job.folder) for job in store.jobs.find(kind="generate")]
            specs = [Spec.model_validate(folder.header().spec) for folder in folders if folder.is_job()]
            return next((spec for spec in specs if spec.slots), None)

        await until(pilot, order, "the order")
    rejected = [
        e for e in _all(filled) if ((e.decisions and e.decisions[-1].reason) or "").startswith("sample")
    ]
    assert len(rejected) == everything - 2
    recipes = {recipe.name: recipe for recipe in load_recipes(filled.recipes).items}
    wanted = Counter(
        f"{e.recipe}/{e.slot}"
        for e in rejected
        if e.recipe in recipes and recipes[e.recipe].slot(e.slot or "")
    )
    made = order()
    assert made is not None and made.each == wanted and set(made.slots) == set(wanted)


@pytest.mark.slow
@sized
async def test_filters_combine_are_named_and_kept(filled: Workspace, size: tuple[int, int]) -> None:
    async with studio(filled, size) as pilot:
        rows = await opened(pilot)
        everything = len(rows.ids)
        await pilot.press("F")
        await choose(pilot, "recipe")
        await choose(pilot, "turkish")
        await until(pilot, lambda: 0 < len(rows.ids) < everything, "one recipe")
        one = list(rows.ids)
        await pilot.press("F")
        await choose(pilot, "Keep this filter")
        await write(pilot, "my turkish")
        await pilot.press("o")
        await choose(pilot, "random")
        await until(pilot, lambda: sorted(rows.ids) == sorted(one), "another order")
        await pilot.press("F")
        await choose(pilot, "Let go of all")
        await until(pilot, lambda: len(rows.ids) == 60, "all")
    async with studio(filled, size) as pilot:
        rows = await opened(pilot)
        assert len(rows.ids) == 60, "the last filter is kept"
        await pilot.press("F")
        await choose(pilot, "my turkish")
        await until(pilot, lambda: list(rows.ids) == one, "the named one")
        await pilot.press("slash", *"/yar[iı]n/", "enter")
        await until(pilot, lambda: "/yar" in text_of(pilot) and rows.ids, "an expression")
        await pilot.press("slash", *"/(/", "enter")
        await until(pilot, lambda: "no regular expression" in text_of(pilot), "why not")
