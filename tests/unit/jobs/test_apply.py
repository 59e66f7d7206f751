"""Events in the store: each once, and never over what a person has decided."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Store
from store.models import Decision, Example, JobRecord, Message, Status, TrainingRun
from studio.jobs.apply import Applied, apply, merged
from studio.jobs.events import (
    Event,
    Failed,
    Finished,
    Log,
    Paused,
    Progress,
    Recorded,
    Resumed,
    Saved,
    SplitsFrozen,
    Started,
)

RECORD = JobRecord(id="job", kind="generate", folder="data/jobs/job")
ACCEPT = Decision(who="person", action="accept", before=Status.PENDING, after=Status.ACCEPTED)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "db") as opened:
        yield opened


def example(example_id: str = "e1", reply: str = "Selam!", **fields: object) -> Example:
    messages = (Message(role="user", content="Merhaba"), Message(role="assistant", content=reply))
    return Example.model_validate({"id": example_id, "messages": messages, "category": "turkish", **fields})


def saved(document: Example | TrainingRun) -> Saved:
    table = "examples" if isinstance(document, Example) else "training_runs"
    return Saved(table=table, document=document.model_dump(mode="json"))


def take_in(store: Store, *events: Event, first: int = 1) -> Applied:
    items = [Recorded(n=first + index, event=event) for index, event in enumerate(events)]
    with store.transaction():
        return apply(store, RECORD, items)


def decided(store: Store, example_id: str = "e1") -> Example:
    found = store.examples.get(example_id)
    assert found is not None
    mended = found.model_copy(
        update={
            "messages": (found.messages[0], Message(role="assistant", content="Mended by hand")),
            "original": found.messages,
            "status": Status.ACCEPTED,
            "decisions": (*found.decisions, ACCEPT),
        }
    )
    store.examples.put(mended)
    return mended


def test_documents_and_the_record_are_taken_in_together(store: Store) -> None:
    applied = take_in(store, Started(kind="generate", title="G"), saved(example()), saved(example("e2")))
    assert applied.documents == 2
    assert store.examples.count() == 2
    record = store.jobs.get("job")
    assert record is not None
    assert (record.ingested, record.state, record.title) == (3, "running", "G")


def test_what_was_taken_in_is_not_taken_in_again(store: Store) -> None:
    take_in(store, saved(example("e1")), saved(example("e2")))
    store.examples.delete("e1")
    again = take_in(store, saved(example("e1")), saved(example("e2")), saved(example("e3")))
    assert again.documents == 1
    assert sorted(store.examples.ids()) == ["e2", "e3"]


def test_what_a_person_decided_is_kept(store: Store) -> None:
    take_in(store, saved(example()))
    mine = decided(store)
    applied = take_in(store, saved(example(reply="Written again by the teacher")), first=2)
    assert store.examples.get("e1") == mine
    assert applied.documents == 0
    assert applied.record.ingested == 2


def test_a_pending_example_is_replaced(store: Store) -> None:
    take_in(store, saved(example()), saved(example(reply="Better")))
    found = store.examples.get("e1")
    assert found is not None
    assert found.messages[1].content == "Better"


def test_decisions_that_continue_the_stored_ones_count() -> None:
    stored = example(decisions=(ACCEPT,), status=Status.ACCEPTED, split="train", frozen_by="r1")
    flag = Decision(who="person", action="flag", before=Status.ACCEPTED, after=Status.FLAGGED)
    later = stored.model_copy(
        update={"decisions": (ACCEPT, flag), "status": Status.FLAGGED, "split": "valid", "frozen_by": None}
    )
    result = merged(stored, later)
    assert (result.status, result.split, result.frozen_by) == (Status.FLAGGED, "train", "r1")
    assert merged(later, stored) == later
    other = stored.model_copy(update={"decisions": (flag, flag)})
    assert merged(stored, other) == stored


def test_splits_are_frozen_once(store: Store) -> None:
    take_in(store, saved(example("a")), saved(example("b")), saved(example("c")))
    mine = decided(store, "b")
    take_in(store, SplitsFrozen(run_id="r1", splits={"a": "train", "b": "valid", "gone": "test"}), first=4)
    take_in(store, SplitsFrozen(run_id="r2", splits={"a": "valid", "c": "valid"}), first=5)
    found = {item.id: (item.split, item.frozen_by) for item in store.examples}
    assert found == {"a": ("train", "r1"), "b": ("valid", "r1"), "c": ("valid", "r2")}
    assert store.examples.get("b") == mine.model_copy(update={"split": "valid", "frozen_by": "r1"})


def test_a_frozen_example_is_not_rewritten_even_in_the_same_batch(store: Store) -> None:
    freeze = SplitsFrozen(run_id="r1", splits={"e1": "train"})
    take_in(store, saved(example()), freeze, saved(example(reply="After the run")))
    found = store.examples.get("e1")
    assert found is not None
    assert (found.messages[1].content, found.frozen_by) == ("Selam!", "r1")


def test_a_document_that_is_none_is_named_and_the_rest_is_kept(store: Store) -> None:
    wrong = Saved(table="examples", document={"id": "x", "messages": 5})
    applied = take_in(store, saved(example("a")), wrong, saved(example("b")))
    assert applied.notes == [
        "event 2: a document for examples is not one: messages: Input should be a valid tuple"
    ]
    assert sorted(store.examples.ids()) == ["a", "b"]
    assert applied.record.ingested == 3


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((Started(kind="g", title="G"),), "running"),
        ((Started(kind="g", title="G"), Paused()), "paused"),
        ((Started(kind="g", title="G"), Paused(), Resumed()), "running"),
        ((Started(kind="g", title="G"), Finished(summary="ok")), "done"),
        ((Started(kind="g", title="G"), Finished(state="stopped", summary="ok")), "stopped"),
        ((Failed(what="w", kept="k", to_do="t"),), "failed"),
        ((Failed(what="w", kept="k", to_do="t"), Started(kind="g", title="G", resumed=True)), "running"),
        ((Log(text="x"),), "queued"),
    ],
)
def test_the_record_has_the_state_that_the_events_say(
    store: Store, events: tuple[Event, ...], state: str
) -> None:
    record = take_in(store, *events).record
    assert record.state == state
    assert (record.ended_at is not None) == (state in ("done", "stopped", "failed"))
    assert (record.error is not None) == (state == "failed")


def test_progress_and_failure_are_in_the_record(store: Store) -> None:
    record = take_in(
        store,
        Progress(done=3, total=9, unit="examples", spent_usd=0.5),
        Progress(done=4, total=9, unit="examples"),
        Failed(what="The key was refused", kept="4 examples", to_do="Enter another key."),
    ).record
    assert (record.done, record.total, record.unit, record.spent_usd) == (4, 9, "examples", 0.5)
    assert record.error == "The key was refused. Kept: 4 examples. Enter another key."
    assert store.jobs.get("job") == record


def test_the_training_run_of_a_job_has_its_state(store: Store) -> None:
    run = TrainingRun(id="r", name="r1", job_id="job", base="embedded", state="running", steps=7)
    take_in(store, Started(kind="train", title="T"), saved(run))
    take_in(store, Failed(what="w", kept="k", to_do="t"), first=3)
    found = store.training_runs.get("r")
    assert found is not None
    assert (found.state, found.steps) == ("failed", 7)
    assert found.ended_at is not None


def test_a_life_that_fails_at_once_leaves_no_run_running(store: Store) -> None:
    """All that it said, its end too, may be taken in at once: the first time, and when it is resumed."""
    run = TrainingRun(id="r", name="r1", job_id="job", base="embedded", state="running")
    life = (
        Started(kind="train", title="T"),
        saved(run),
        Failed(what="w", kept="k", to_do="t"),
    )
    for first in (1, 4):
        take_in(store, *life, first=first)
        assert [found.state for found in store.training_runs.find()] == ["failed"]
