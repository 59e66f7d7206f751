"""Asked for again until the target is met or a slot is exhausted; duplicates and broken ones do not count."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence

import pytest

from store.live import AsyncStore
from store.models import Example, Message, Provenance, Signals, Status
from studio.jobs.events import Event, Finished, JobError, Log, RecipeFigures, Saved, Unit
from studio.jobs.generate.novelty import KNOWN_FILE
from studio.jobs.generate.order import Order, Spec, counts
from studio.jobs.generate.refill import MORE_FILE
from studio.jobs.process.folder import JobFolder
from tests.fixtures.messages_server import MessagesServer, Step, example, reply_text
from tests.unit.jobs.generate.conftest import Drive, OrderJob


def examples(events: Sequence[Event]) -> list[Example]:
    documents = [e.document for e in events if isinstance(e, Saved) and e.table == "examples"]
    return [Example.model_validate(document) for document in documents]


def figures(events: Sequence[Event]) -> RecipeFigures:
    return [event for event in events if isinstance(event, RecipeFigures)][-1]


def end_of(events: Sequence[Event]) -> Finished:
    end = events[-1]
    assert isinstance(end, Finished), end
    return end


async def test_a_duplicate_is_marked_with_its_neighbour_and_made_up_for(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    same = json.dumps({"examples": [example("same"), example("other")]})
    server.script = [Step("text", text=same), Step("text", text=same)]
    events = await drive(await order_job(paid_spec.model_copy(update={"concurrency": 1})))
    found = examples(events)
    repeated = [one for one in found if one.signals.near_duplicate_of]
    assert [one.messages[1].content for one in repeated] == [one.messages[1].content for one in found[:2]]
    assert [one.signals.near_duplicate_of for one in repeated] == [found[0].id, found[1].id]
    assert all((one.signals.near_duplicate_similarity or 0) > 0.99 for one in repeated)
    assert sum(counts(one) for one in found) == 12
    assert (figures(events).made, figures(events).duplicates) == (12, 2)
    assert end_of(events).result["examples"] == 12
    assert len(server.asked) == 7


async def test_the_whole_workspace_is_compared_with(
    store: AsyncStore, order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    turns = tuple(Message.model_validate(turn) for turn in example("known")["messages"])
    there = Example(messages=turns, category="turkish", provenance=Provenance(teacher="import"))
    await store.write(lambda database: database.examples.put(there))
    server.script = [Step("text", text=json.dumps({"examples": [example("known"), example("new")]}))]
    events = await drive(await order_job(paid_spec))
    (repeated,) = [one for one in examples(events) if one.signals.near_duplicate_of]
    assert repeated.signals.near_duplicate_of == there.id


async def test_one_that_breaks_its_recipe_is_kept_as_rejected_with_the_reason(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    turkish = [
        {"role": "user", "content": "What does the owl do first?"},
        {"role": "assistant", "content": "Önce bütün ormanı dinler, sonra tek bir noktaya sessizce dalar."},
    ]
    server.script = [Step("text", text=json.dumps({"examples": [{"messages": turkish}, example("fine")]}))]
    events = await drive(await order_job(paid_spec))
    (broken,) = [one for one in examples(events) if one.status == Status.REJECTED]
    assert broken.signals.flags == ("message 2 is in tr, wanted en",)
    assert (figures(events).made, figures(events).rejected) == (12, 1)


async def test_a_slot_that_brings_nothing_new_is_exhausted_and_costs_no_more(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    same = json.dumps({"examples": [example("same"), example("same")]})

    class Rust:
        """Always the same about Rust."""

        def __call__(self, number: int) -> Step:
            prompt = server.asked[number].prompt
            return Step("text", text=same if "Rust" in prompt else reply_text(prompt, number))

    server.choose = Rust()
    events = await drive(await order_job(paid_spec.model_copy(update={"count": 60, "concurrency": 1})))
    end = end_of(events)
    assert end.state == "done"
    assert end.result["exhausted"] == ["tiny/rust"]
    assert end.result["examples"] == 31
    rust = [asked for asked in server.asked if "Rust" in asked.prompt]
    assert len(rust) <= 6
    assert any("tiny/rust is exhausted" in event.text for event in events if isinstance(event, Log))
    assert "exhausted: tiny/rust" in end.summary


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes that have a name")
async def test_requests_go_out_while_what_is_known_is_read_and_are_compared_with_all_of_it(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.script = [Step("text", text=json.dumps({"examples": [example("known"), example("new")]}))]
    folder = await order_job(paid_spec.model_copy(update={"concurrency": 1}))
    known = folder.path / KNOWN_FILE
    known.unlink()
    # Whoever reads it waits until somebody writes.
    os.mkfifo(known)
    task = asyncio.create_task(drive(folder))
    await asyncio.to_thread(server.wait_for_requests, 1)
    async with asyncio.timeout(60):
        while '"type":"unit"' not in _events(folder):
            await asyncio.sleep(0.01)
    assert '"table":"examples"' not in _events(folder), "nothing is entered before all is known"
    contents = [turn["content"] for turn in example("known")["messages"]]
    await asyncio.to_thread(known.write_text, json.dumps(["there", "tiny", contents]) + "\n")
    events = await task
    (repeated,) = [one for one in examples(events) if one.signals.near_duplicate_of]
    assert repeated.signals.near_duplicate_of == "there"
    assert (figures(events).made, figures(events).duplicates) == (12, 1)


def _events(folder: JobFolder) -> str:
    return folder.events.read_text() if folder.events.exists() else ""


async def test_units_that_were_added_are_known_after_a_kill(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    server.script = [Step("text", text="nothing"), Step("refusal", text="no")]
    folder = await order_job(paid_spec.model_copy(update={"concurrency": 1}))
    await drive(folder)
    assert len((folder.path / MORE_FILE).read_text().splitlines()) == 2
    lines = folder.events.read_text().splitlines(keepends=True)
    # Killed after the first answer: the unit in its place is in the file, and must not be planned twice.
    cut = next(n for n, line in enumerate(lines) if '"type":"unit"' in line) + 1
    folder.events.write_text("".join(lines[:cut]))
    more = folder.path / MORE_FILE
    more.write_text(more.read_text().splitlines(keepends=True)[0])
    before = len(server.asked)
    events = await drive(folder)
    assert end_of(events).result["examples"] == 12
    units = [event.unit_id for event in events if isinstance(event, Unit)]
    assert len(units) == len(set(units)) == len(server.asked) - before == 6


async def test_monotony_is_told_live(
    order_job: OrderJob, drive: Drive, paid_spec: Spec, server: MessagesServer
) -> None:
    events = await drive(await order_job(paid_spec.model_copy(update={"count": 30})))
    last = figures(events)
    assert last.monotony in (
        "100% of the replies begin “it listens to”",
        "100% of the replies end “if it must”",
    )
    assert last.monotony_share == 1.0


@pytest.mark.parametrize(
    ("changes", "slots"),
    [
        ({"slots": ("tiny/rust",)}, {("tiny", "rust"): 6}),
        ({"more": 5}, {("tiny", "rust"): 3, ("tiny", "python"): 2}),
        ({"categories": ("technical",), "recipes": ("tiny",)}, {("tiny", "rust"): 6, ("tiny", "python"): 6}),
        ({"recipes": (), "slots": ("tiny/python", "edge-cases/unclear-request"), "count": 4},
         {("tiny", "python"): 2, ("edge-cases", "unclear-request"): 1}),
    ],
)  # fmt: skip
async def test_a_slot_a_recipe_or_a_category_is_topped_up(
    order_job: OrderJob, paid_spec: Spec, changes: dict[str, object], slots: dict[tuple[str, str], int]
) -> None:
    order = Order.load((await order_job(paid_spec.model_copy(update=changes))).path)
    found: dict[tuple[str, str], int] = {}
    for unit in order.units:
        found[unit.place] = found.get(unit.place, 0) + unit.count
    assert found == slots


async def test_near_duplicates_and_rejected_ones_are_topped_up(
    store: AsyncStore, order_job: OrderJob, paid_spec: Spec
) -> None:
    turns = (Message(role="user", content="q"), Message(role="assistant", content="a"))
    kinds = [
        {"signals": Signals(near_duplicate_of="x")},
        {"signals": Signals(near_duplicate_of="x", near_duplicate_allowed=True)},
        {"status": Status.REJECTED},
        {},
    ]
    made = [
        Example(messages=turns, category="technical", recipe="tiny", slot="rust", **kind) for kind in kinds
    ]  # type: ignore[arg-type]
    await store.write(lambda database: database.examples.put_many(made))
    order = Order.load((await order_job(paid_spec)).path)
    assert sum(unit.count for unit in order.units if unit.slot == "rust") == 6 - 2
    assert order.have == {"tiny": 2}


async def test_unknown_slots_and_categories_are_told_with_the_known_ones(order_job: OrderJob) -> None:
    with pytest.raises(JobError, match="no slot `tiny/go`") as caught:
        await order_job(Spec(slots=("tiny/go",)))
    assert "tiny/rust, tiny/python" in caught.value.to_do
    with pytest.raises(JobError, match="no category `nonsense`"):
        await order_job(Spec(categories=("nonsense",)))
