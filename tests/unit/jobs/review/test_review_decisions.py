"""Decisions are remembered, and each can be taken back and made again, at any depth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.live import AsyncStore
from store.models import Example, Message, Status
from studio.jobs.review.decisions import NothingToUndoError, decide, edit, redo, undo
from studio.jobs.review.desk import Desk, GoneError
from studio.jobs.review.listing import Filter, list_ids

ACTIONS = ("accept", "reject", "flag", "skip", "reset")


def example(name: str = "a" * 32, text: str = "Selam!") -> Example:
    return Example(
        id=name,
        messages=(
            Message(role="user", content=text),
            Message(role="assistant", content="Selam, hoş geldin."),
        ),
        category="turkish",
    )


Act = Callable[[Example], Example]
ACTS: st.SearchStrategy[Act] = st.one_of(
    st.sampled_from(ACTIONS).map(lambda action: lambda e: decide(e, action)),  # type: ignore[arg-type]
    st.text(min_size=1)
    .filter(str.strip)
    .map(lambda text: lambda e: edit(e, (e.messages[0], Message(role="assistant", content=text)))),
)


@given(st.lists(ACTS, max_size=12))
def test_all_is_undone_and_redone(acts: list[Act]) -> None:
    states = [example()]
    for act in acts:
        states.append(act(states[-1]))
    current, undone = states[-1], []
    for before in reversed(states[:-1]):
        current, taken = undo(current)
        undone.append(taken)
        assert current.messages == before.messages
        assert (current.status, current.edited, current.decisions) == (
            before.status,
            before.edited,
            before.decisions,
        )
    with pytest.raises(NothingToUndoError):
        undo(current)
    for taken in reversed(undone):
        current = redo(current, taken)
    assert (current.messages, current.status, current.decisions) == (
        states[-1].messages,
        states[-1].status,
        states[-1].decisions,
    )


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


def test_an_edit_keeps_what_the_teacher_wrote() -> None:
    first = example()
    second = edit(first, (first.messages[0], Message(role="assistant", content="Bir.")))
    third = edit(second, (first.messages[0], Message(role="assistant", content="İki.")))
    assert third.original == first.messages
    assert third.edited
    assert undo(third)[0].messages == second.messages


@pytest.mark.parametrize(
    ("messages", "wrong"),
    [
        ((), "at least one turn"),
        ((Message(role="user", content="x"), Message(role="assistant", content=" \n")), "turn 2 is empty"),
        ((Message(role="user", content="x"),), "nothing to learn"),
    ],
)
def test_an_edit_that_makes_no_example_is_refused(messages: tuple[Message, ...], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        edit(example(), messages)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncStore:
    opened = await AsyncStore.open(tmp_path / "db")
    await opened.write(lambda s: s.examples.put_many([example(f"{n:032x}", f"Soru {n}") for n in range(5)]))
    return opened


async def test_the_desk_undoes_after_a_restart(store: AsyncStore, tmp_path: Path) -> None:
    ids = await store.run(lambda s: s.examples.ids())
    desk = Desk(store)
    for example_id, action in zip(ids, ("accept", "reject", "flag"), strict=False):
        await desk.decide(example_id, action)  # type: ignore[arg-type]
    await store.close()

    again = await AsyncStore.open(tmp_path / "db")
    desk = Desk(again)
    assert [await desk.undo() for _ in range(3)] == [[ids[2]], [ids[1]], [ids[0]]]
    assert again.counts.by_status["pending"] == 5
    with pytest.raises(NothingToUndoError):
        await desk.undo()
    assert [await desk.redo() for _ in range(3)] == [[ids[0]], [ids[1]], [ids[2]]]
    assert again.counts.by_status == {"pending": 2, "accepted": 1, "rejected": 1, "flagged": 1}
    await again.close()


async def test_a_bulk_act_is_undone_as_one(store: AsyncStore) -> None:
    ids = await store.run(lambda s: s.examples.ids())

    def accept_all(database: object) -> None:
        found = [database.examples.get(key) for key in ids]  # type: ignore[attr-defined]
        database.examples.put_many([decide(e, "accept", "policy", batch_id="b1") for e in found])  # type: ignore[attr-defined]

    await store.write(accept_all)
    desk = Desk(store)
    assert sorted(await desk.undo()) == sorted(ids)
    assert store.counts.by_status["pending"] == 5
    await desk.redo()
    assert store.counts.by_status["accepted"] == 5
    await store.close()


async def test_a_new_act_ends_what_could_be_redone(store: AsyncStore) -> None:
    ids = await store.run(lambda s: s.examples.ids())
    desk = Desk(store)
    await desk.decide(ids[0], "accept")
    await desk.undo()
    await desk.decide(ids[1], "reject")
    with pytest.raises(NothingToUndoError):
        await desk.redo()
    await store.close()


async def test_a_deleted_example_is_said_to_be_gone(store: AsyncStore) -> None:
    desk = Desk(store)
    with pytest.raises(GoneError):
        await desk.decide("0" * 31 + "f", "accept")
    assert desk.acts == []
    await store.close()


async def test_filters(store: AsyncStore) -> None:
    ids = await store.run(lambda s: s.examples.ids())
    await Desk(store).decide(ids[3], "accept")
    assert await store.run(lambda s: list_ids(s, Filter(status="accepted"))) == [ids[3]]
    assert len(await store.run(lambda s: list_ids(s, Filter(status="pending", category="turkish")))) == 4
    assert await store.run(lambda s: list_ids(s, Filter(text="SORU 2"))) == [ids[2]]
    assert await store.run(lambda s: list_ids(s, Filter(category="none"))) == []
    await store.close()
