"""The review job: a named policy decides on what passes, and leaves the rest to a person with the reasons."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.live import AsyncStore
from store.models import Example, Message, Signals, Status
from studio.config.errors import ConfigError
from studio.jobs.events import Event, Finished
from studio.jobs.review.decisions import decide, undo
from studio.jobs.review.job import Spec, run
from studio.workspace import Workspace

ENGLISH = "First we look at the whole forest, then we focus on a single branch and follow it."
TURKISH = "Önce bütün ormana bakarız, sonra tek bir dala odaklanır ve onu takip ederiz."


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws")


def example(key: str, *contents: str, slot: str | None = "tr-tr", **fields: object) -> Example:
    turns = tuple(
        Message(role="user" if place % 2 == 0 else "assistant", content=content)
        for place, content in enumerate(contents or ("Nasıl bakarız?", TURKISH))
    )
    made = Example(id=key, messages=turns, category="turkish", recipe="turkish", slot=slot)
    return made.model_copy(update=fields)


GOOD = example("good")
DUPLICATE = example("duplicate", signals=Signals(near_duplicate_of="good", near_duplicate_similarity=0.9))
ALLOWED = example(
    "allowed",
    signals=Signals(near_duplicate_of="good", near_duplicate_similarity=0.9, near_duplicate_allowed=True),
)
LEAK = example("leak", "Nasıl bakarız?", ENGLISH)
LONG = example("long", "a", TURKISH, "b", TURKISH)
EMPTY = example("empty", "Nasıl?", " ")
COLLECTED = example("collected", "a", ENGLISH, "b", TURKISH, recipe=None, slot=None)
HALF = example("half", "a", ENGLISH, "b", recipe=None, slot=None)
ALL = (GOOD, DUPLICATE, ALLOWED, LEAK, LONG, EMPTY, COLLECTED, HALF)


async def review(workspace: Workspace, store: AsyncStore, **spec: object) -> dict[str, object]:
    events: list[Event] = [event async for event in run(Spec.model_validate(spec), workspace, store)]
    end = events[-1]
    assert isinstance(end, Finished)
    return end.result


async def put(store: AsyncStore, *examples: Example) -> None:
    await store.write(lambda database: database.examples.put_many(examples))


async def statuses(store: AsyncStore) -> dict[str, str]:
    return {e.id: e.status.value for e in await store.run(lambda database: database.examples.find())}


async def test_what_passes_is_accepted_and_the_rest_left_with_reasons(
    workspace: Workspace, store: AsyncStore
) -> None:
    await put(store, *ALL)
    result = await review(workspace, store)
    assert (result["decided"], result["left"]) == (3, 5)
    accepted = {key for key, status in (await statuses(store)).items() if status == "accepted"}
    assert accepted == {"good", "allowed", "collected"}
    assert result["left_because"] == {
        "near-duplicate": 1,
        "message 2 is in en, wanted tr": 1,
        "4 messages, wanted 2 to 2": 1,
        "message 2 is empty": 1,
        "turns do not alternate from the user's to the assistant's": 1,
    }


async def test_the_decisions_name_the_policy_and_share_a_batch(
    workspace: Workspace, store: AsyncStore
) -> None:
    await put(store, *ALL)
    result = await review(workspace, store, reason="demo")
    decided = [e for e in await store.run(lambda database: database.examples.find()) if e.decisions]
    assert len(decided) == 3
    for item in decided:
        (decision,) = item.decisions
        assert decision.batch_id == result["batch_id"]
        assert decision.who == result["policy"] == "policy: accept what passes its recipe"
        assert (decision.action, decision.before, decision.reason) == ("accept", Status.PENDING, "demo")
        assert undo(item).status == Status.PENDING


async def test_a_dry_run_counts_and_changes_nothing(workspace: Workspace, store: AsyncStore) -> None:
    await put(store, *ALL)
    result = await review(workspace, store, dry_run=True)
    assert (result["decided"], result["left"]) == (3, 5)
    assert set((await statuses(store)).values()) == {"pending"}


async def test_a_dry_run_works_beside_the_one_who_writes(workspace: Workspace, store: AsyncStore) -> None:
    await put(store, *ALL)
    reader = await AsyncStore.open(workspace.database, readonly=True)
    try:
        assert (await review(workspace, reader, dry_run=True))["decided"] == 3
    finally:
        await reader.close()


async def test_only_what_matches_is_decided_on(workspace: Workspace, store: AsyncStore) -> None:
    other = example("other", category="technical", recipe=None, slot=None)
    flagged = example("flagged", status=Status.FLAGGED)
    await put(store, GOOD, other, flagged)
    await review(workspace, store, action="reject", policy="all", category="technical")
    assert await statuses(store) == {"good": "pending", "other": "rejected", "flagged": "flagged"}
    await review(workspace, store, action="reset", policy="all", status="flagged")
    assert (await statuses(store))["flagged"] == "pending"
    await review(workspace, store, action="flag", policy="all", recipe="turkish")
    assert await statuses(store) == {"good": "flagged", "other": "rejected", "flagged": "flagged"}


async def test_who_decides_or_edits_in_between_counts(workspace: Workspace, store: AsyncStore) -> None:
    await put(store, *(example(f"{number:03}") for number in range(150)))
    job = run(Spec(), workspace, store)
    async for event in job:
        if event.type == "progress":
            # The first hundred are decided; a person is quicker with two of the others.
            mine = decide(example("120"), "reject")
            edited = example("121", "Başka?", TURKISH)
            await put(store, mine, edited)
            break
    events = [event async for event in job]
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.result["decided"] == 149
    found = {e.id: e for e in await store.run(lambda database: database.examples.find())}
    assert (found["120"].status, len(found["120"].decisions)) == (Status.REJECTED, 1)
    assert found["121"].messages == edited.messages


async def test_nothing_to_decide_is_no_error(workspace: Workspace, store: AsyncStore) -> None:
    assert (await review(workspace, store))["decided"] == 0


async def test_a_damaged_recipe_decides_nothing(workspace: Workspace, store: AsyncStore) -> None:
    await put(store, GOOD)
    (workspace.recipes / "turkish.toml").write_text("name = 1")
    with pytest.raises(ConfigError, match="turkish"):
        await review(workspace, store)
    assert await statuses(store) == {"good": "pending"}
