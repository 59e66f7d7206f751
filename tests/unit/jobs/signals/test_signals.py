"""The signals job over a real store: measures what is new, groups near-duplicates, decides nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store.live import AsyncStore
from store.models import Example, Message, Provenance, Signals, Status
from studio.jobs.events import Finished
from studio.jobs.review.decisions import decide
from studio.jobs.signals.job import Spec, run
from studio.workspace import Workspace

START = datetime(2026, 1, 1, tzinfo=UTC)
OWL = (
    "The owl pattern listens to the whole forest before it dives for a single mouse, and that is why it rarely "
    "misses: what repeats every night is no news, and what is new stands out against it."
)
AXIS = "Boyutsal gezinme, bütün eksenleri sabit tutup yalnızca birinde yürümek demektir; sorun orada görünür olur."


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws")


def example(key: str, answer: str, age: int, **fields: object) -> Example:
    turns = (Message(role="user", content="Owl pattern nedir?"), Message(role="assistant", content=answer))
    made = Example(id=key, created_at=START + timedelta(days=age), messages=turns, category="personality")
    return made.model_copy(update=fields)


async def measure(
    workspace: Workspace, store: AsyncStore, *examples: Example, again: bool = False
) -> dict[str, int]:
    await store.write(lambda database: database.examples.put_many(examples))
    events = [event async for event in run(Spec(again=again), workspace, store)]
    end = events[-1]
    assert isinstance(end, Finished)
    return end.result


async def stored(store: AsyncStore) -> dict[str, Example]:
    return {e.id: e for e in await store.run(lambda database: database.examples.find())}


async def test_languages_length_and_near_duplicates_are_measured(
    workspace: Workspace, store: AsyncStore
) -> None:
    result = await measure(
        workspace,
        store,
        example("young", OWL.replace("rarely", "seldom"), 3),
        example("old", OWL, 1),
        example("other", AXIS, 2),
    )
    assert result == {"measured": 3, "near_duplicates": 1}
    found = await stored(store)
    assert found["old"].signals.languages == ("tr", "en")
    assert found["other"].signals.languages == ("tr", "tr")
    assert found["old"].signals.words == len(OWL.split())
    assert found["young"].signals.near_duplicate_of == "old"
    assert 0.8 <= (found["young"].signals.near_duplicate_similarity or 0) < 1
    assert found["old"].signals.near_duplicate_of is None
    assert {key: e.group for key, e in found.items()} == {"old": "old", "young": "old", "other": "other"}


async def test_status_decisions_and_allowance_are_untouched(workspace: Workspace, store: AsyncStore) -> None:
    accepted = decide(
        example("a", OWL, 1, signals=Signals(flags=("odd",), near_duplicate_allowed=True)), "accept"
    )
    flagged = example("b", AXIS, 2, status=Status.FLAGGED)
    await measure(workspace, store, accepted, flagged)
    found = await stored(store)
    assert (found["a"].status, found["a"].decisions) == (Status.ACCEPTED, accepted.decisions)
    assert found["a"].signals.flags == ("odd",)
    assert found["a"].signals.near_duplicate_allowed
    assert found["b"].status == Status.FLAGGED


async def test_what_was_measured_is_not_measured_again_unless_asked(
    workspace: Workspace, store: AsyncStore
) -> None:
    await measure(workspace, store, example("a", OWL, 1))
    assert await measure(workspace, store) == {"measured": 0, "near_duplicates": 0}
    assert await measure(workspace, store, example("b", OWL, 2)) == {"measured": 1, "near_duplicates": 1}
    assert await measure(workspace, store, again=True) == {"measured": 2, "near_duplicates": 1}


async def test_versions_share_a_group_however_much_they_differ(
    workspace: Workspace, store: AsyncStore
) -> None:
    version = example("v2", AXIS, 2, provenance=Provenance(teacher="enhance", parent_id="v1"))
    await measure(workspace, store, example("v1", OWL, 1), version)
    found = await stored(store)
    assert found["v2"].group == found["v1"].group == "v1"
    assert found["v2"].signals.near_duplicate_of is None


async def test_what_repeats_a_rejected_example_is_no_duplicate(
    workspace: Workspace, store: AsyncStore
) -> None:
    await measure(workspace, store, decide(example("a", OWL, 1), "reject"), example("b", OWL, 2))
    found = await stored(store)
    assert found["b"].signals.near_duplicate_of is None
    assert found["a"].signals.words is not None


async def test_a_used_example_keeps_its_group_and_draws_the_new_one_in(
    workspace: Workspace, store: AsyncStore
) -> None:
    used = example("b", OWL, 2, group="g7", frozen_by="r1", split="valid")
    await measure(workspace, store, example("a", OWL, 1), used)
    found = await stored(store)
    assert {e.group for e in found.values()} == {"g7"}
    assert (found["b"].split, found["b"].frozen_by) == ("valid", "r1")


async def test_an_edit_in_between_is_not_overwritten(workspace: Workspace, store: AsyncStore) -> None:
    await store.write(
        lambda database: database.examples.put_many([example(f"{n:03}", AXIS, n) for n in range(70)])
    )
    edited = example("069", OWL, 69, note="edited")
    job = run(Spec(), workspace, store)
    await anext(job)
    await store.write(lambda database: database.examples.put(edited))
    async for _ in job:
        pass
    found = (await stored(store))["069"]
    assert (found.messages, found.note) == (edited.messages, "edited")
    assert found.signals.words is None, "the numbers would be those of the old text"
    assert await measure(workspace, store) == {"measured": 1, "near_duplicates": 0}
