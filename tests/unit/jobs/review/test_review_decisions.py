"""Decisions, undo, redo: every state can be come back to, on one example and over the store, across restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.live import AsyncStore
from store.models import Example, Message, Signals, Status
from studio.jobs.review.decisions import (
    NothingToUndoError,
    annotate,
    cut,
    decide,
    edit,
    leave_out,
    redo,
    undo,
)
from studio.jobs.review.desk import Desk, GoneError
from studio.jobs.review.filters import Filter
from studio.jobs.review.listing import list_ids
from studio.jobs.review.live import LiveCatalog

Act = Callable[[Example], Example]


def turns(*contents: str) -> tuple[Message, ...]:
    return tuple(
        Message(role="user" if place % 2 == 0 else "assistant", content=content)
        for place, content in enumerate(contents)
    )


def example(key: str = "0" * 32, *contents: str, **fields: object) -> Example:
    made = Example(
        id=key, messages=turns(*(contents or ("Soru", "Yanıt", "Sonra?", "Sonra."))), category="turkish"
    )
    return made.model_copy(update=fields)


def _edited(text: str) -> Act:
    return lambda e: edit(e, (*e.messages[:-1], Message(role="assistant", content=text)))


def _or_same(act: Act) -> Act:
    """What cannot be done is refused and changes nothing."""

    def run(before: Example) -> Example:
        try:
            return act(before)
        except ValueError:
            return before

    return run


ACTS = st.one_of(
    st.sampled_from(["accept", "reject", "flag", "skip", "reset"]).map(
        lambda action: lambda e: decide(e, action)  # type: ignore[arg-type]
    ),
    st.text(min_size=1).filter(str.strip).map(_edited),
    st.integers(0, 3).map(lambda turn: _or_same(lambda e: cut(e, turn))),
    st.integers(0, 3).map(lambda turn: _or_same(lambda e: leave_out(e, turn))),
    st.text().map(lambda text: lambda e: annotate(e, text)),
    st.just(lambda e: decide(e, "accept", allow_near_duplicate=True)),
)


def seen(e: Example) -> tuple[object, ...]:
    """What undo and redo have to bring back."""
    return (
        e.messages,
        e.status,
        e.original,
        e.left_out_turns,
        e.note,
        e.signals.near_duplicate_allowed,
        e.decisions,
    )


@given(st.lists(ACTS, max_size=12))
def test_all_is_undone_and_redone(acts: list[Act]) -> None:
    states = [example()]
    for act in acts:
        after = act(states[-1])
        if after is not states[-1]:
            states.append(after)
    current = states[-1]
    for before in reversed(states[:-1]):
        current = undo(current)
        assert seen(current) == seen(before)
    with pytest.raises(NothingToUndoError):
        undo(current)
    for after in states[1:]:
        current = redo(current)
        assert seen(current) == seen(after)
    with pytest.raises(NothingToUndoError):
        redo(current)


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("accept", "accepted"),
        ("reject", "rejected"),
        ("flag", "flagged"),
        ("skip", "pending"),
        ("reset", "pending"),
    ],
)
def test_what_a_decision_does(action: str, status: str) -> None:
    decided = decide(example(), action, "person", reason="why")  # type: ignore[arg-type]
    assert decided.status == status
    last = decided.decisions[-1]
    assert (last.who, last.action, last.before, last.after, last.reason) == (
        "person",
        action,
        Status.PENDING,
        status,
        "why",
    )


def test_an_edit_keeps_what_the_teacher_wrote_and_forgets_what_was_measured() -> None:
    first = example(
        signals=Signals(words=3, languages=("tr", "tr"), near_duplicate_of="x", near_duplicate_allowed=True)
    )
    second = _edited("Bir.")(first)
    third = _edited("İki.")(second)
    assert third.original == first.messages
    assert third.edited
    assert third.signals == Signals(near_duplicate_allowed=True)
    assert undo(third).messages == second.messages
    assert undo(undo(third)).original is None


@pytest.mark.parametrize(
    ("messages", "wrong"),
    [
        ((), "at least one turn"),
        (turns("x", " \n"), "turn 2 is empty"),
        (turns("x"), "nothing to learn"),
    ],
)
def test_an_edit_that_makes_no_example_is_refused(messages: tuple[Message, ...], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        edit(example(), messages)


def test_a_cut_takes_the_rest_and_a_question_without_reply() -> None:
    long = example("1" * 32, "a", "b", "c", "d", "e", "f", left_out_turns=(1, 5))
    assert [m.content for m in cut(long, 3).messages] == ["a", "b", "c", "d"]
    assert [m.content for m in cut(long, 4).messages] == ["a", "b", "c", "d"]
    assert cut(long, 3).left_out_turns == (1,)
    assert undo(cut(long, 3)).left_out_turns == (1, 5)
    with pytest.raises(ValueError, match="nothing comes after"):
        cut(long, 5)
    with pytest.raises(ValueError, match="nothing to learn"):
        cut(long, 1)


def test_a_turn_is_left_out_and_taken_in_again() -> None:
    first = leave_out(example(), 1)
    assert first.left_out_turns == (1,)
    assert leave_out(first, 1).left_out_turns == ()
    with pytest.raises(ValueError, match="only reply"):
        leave_out(first, 3)
    with pytest.raises(ValueError, match="only a reply"):
        leave_out(first, 0)


@asynccontextmanager
async def desk_on(folder: Path, *examples: Example) -> AsyncIterator[Desk]:
    """Open a store and a desk on it, as the screen does."""
    store = await AsyncStore.open(folder)
    if examples:
        await store.write(lambda s: s.examples.put_many(examples))
    live = LiveCatalog(store)
    running = asyncio.create_task(live.run())
    await live.ready.wait()
    try:
        yield Desk(store, live)
    finally:
        running.cancel()
        await asyncio.wait([running])
        await store.close()


FIVE = tuple(example(f"{n:032x}", f"Soru {n}", "Yanıt") for n in range(5))
IDS = [e.id for e in FIVE]


async def test_the_desk_undoes_and_redoes_after_restarts(tmp_path: Path) -> None:
    async with desk_on(tmp_path, *FIVE) as desk:
        for example_id, action in zip(IDS, ("accept", "reject", "flag"), strict=False):
            await desk.decide(example_id, action)  # type: ignore[arg-type]
    async with desk_on(tmp_path) as desk:
        assert [await desk.undo() for _ in range(3)] == [[IDS[2]], [IDS[1]], [IDS[0]]]
        assert desk.store.counts.by_status["pending"] == 5
        with pytest.raises(NothingToUndoError):
            await desk.undo()
    async with desk_on(tmp_path) as desk:
        assert [await desk.redo() for _ in range(3)] == [[IDS[0]], [IDS[1]], [IDS[2]]]
        with pytest.raises(NothingToUndoError):
            await desk.redo()
        assert desk.store.counts.by_status == {"pending": 2, "accepted": 1, "rejected": 1, "flagged": 1}


async def test_a_bulk_act_is_undone_as_one_and_records_what_it_rests_on(tmp_path: Path) -> None:
    async with desk_on(tmp_path, *FIVE) as desk:
        await desk.decide(IDS[0], "reject")
        assert await desk.decide_all(IDS, "accept", "sample: 9 of 10") == 5
        stored = await desk.store.run(lambda s: s.examples.get(IDS[3]))
        assert stored is not None
        assert stored.decisions[-1].reason == "sample: 9 of 10"
        assert sorted(await desk.undo()) == IDS
        assert desk.store.counts.by_status["rejected"] == 1
        await desk.redo()
        assert desk.store.counts.by_status["accepted"] == 5


async def test_a_new_act_ends_what_could_be_redone_also_on_other_examples(tmp_path: Path) -> None:
    async with desk_on(tmp_path, *FIVE) as desk:
        await desk.decide(IDS[0], "accept")
        await desk.undo()
        await desk.decide(IDS[1], "reject")
        with pytest.raises(NothingToUndoError):
            await desk.redo()
    async with desk_on(tmp_path) as desk:
        await desk.undo()
        assert await desk.redo() == [IDS[1]]
        with pytest.raises(NothingToUndoError):
            await desk.redo()


async def test_what_another_hand_decided_is_undone_in_its_turn(tmp_path: Path) -> None:
    async with desk_on(tmp_path, *FIVE) as desk:
        await desk.decide(IDS[0], "accept")
        await desk.store.write(lambda s: s.examples.put(decide(FIVE[1], "flag", "policy")))
        while desk.live.catalog.history.to_undo() != [IDS[1]]:
            await asyncio.sleep(0)
        assert await desk.undo() == [IDS[1]]
        assert await desk.undo() == [IDS[0]]


async def test_a_reason_comes_after_the_rejection_and_goes_with_it(tmp_path: Path) -> None:
    async with desk_on(tmp_path, *FIVE) as desk:
        await desk.decide(IDS[0], "reject")
        told = await desk.give_reason(IDS[0], "too long")
        assert [(d.action, d.reason) for d in told.decisions] == [("reject", "too long")]
        await desk.undo()
        await desk.redo()
        again = await desk.store.run(lambda s: s.examples.get(IDS[0]))
        assert again is not None
        assert again.decisions == told.decisions


async def test_an_edit_is_measured_at_once(tmp_path: Path) -> None:
    async with desk_on(tmp_path, *FIVE) as desk:
        desk.measure = lambda after, near: Signals(words=len(after.messages[-1].content.split()))
        edited = await desk.edit(IDS[0], turns("Soru 0", "bir iki üç"))
        assert edited.signals.words == 3
        await desk.undo()
        back = await desk.store.run(lambda s: s.examples.get(IDS[0]))
        assert back is not None
        assert (back.messages, back.signals.words) == (FIVE[0].messages, 1)


async def test_a_pair_comes_out_of_an_edit_once(tmp_path: Path) -> None:
    async with desk_on(tmp_path, *FIVE) as desk:
        with pytest.raises(ValueError, match="no reply was edited"):
            await desk.pair(IDS[0])
        await desk.edit(IDS[0], turns("Soru 0", "Daha iyi yanıt"))
        first, second = await desk.pair(IDS[0]), await desk.pair(IDS[0])
        assert first.id == second.id
        assert (first.prompt, first.chosen, first.rejected) == (
            FIVE[0].messages[:1],
            "Daha iyi yanıt",
            "Yanıt",
        )
        assert await desk.store.run(lambda s: len(s.pairs)) == 1
        await desk.edit(IDS[1], turns("Başka soru", "Başka yanıt"))
        with pytest.raises(ValueError, match="what was asked"):
            await desk.pair(IDS[1])


async def test_a_deleted_example_is_said_to_be_gone(tmp_path: Path) -> None:
    async with desk_on(tmp_path, *FIVE) as desk:
        with pytest.raises(GoneError):
            await desk.decide("f" * 32, "accept")
        assert await desk.decide_all([*IDS[:2], "f" * 32], "accept") == 2


async def test_filters_by_the_store_and_by_the_catalogue_agree(tmp_path: Path) -> None:
    async with desk_on(tmp_path, *FIVE) as desk:
        await desk.decide(IDS[3], "accept")

        async def ids(**wanted: object) -> list[str]:
            chosen = Filter(**wanted)  # type: ignore[arg-type]
            listed = await list_ids(desk.store, desk.live, chosen)
            assert sorted(listed) == sorted(desk.live.catalog.ids(chosen))
            return listed

        assert await ids(status="accepted") == [IDS[3]]
        assert len(await ids(status="pending", category="turkish")) == 4
        assert await ids(text="SORU 2") == [IDS[2]]
        assert await ids(category="none") == []
