"""The store beside an event loop: never in its way, and telling what changes."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from store.database import Store
from store.errors import StoreLocked, StoreReadOnly
from store.live import AsyncStore, Change
from store.models import Status
from tests.unit.store.samples import example

LONGEST_HOLD = 0.016
"""Seconds: one frame at 60 a second."""
ATTEMPTS = 8
"""A crowded machine, with cold caches, can only make a hold longer; the best of some is the store's own."""


@pytest.fixture
async def live(folder: Path) -> AsyncIterator[AsyncStore]:
    """An open AsyncStore."""
    store = await AsyncStore.open(folder)
    yield store
    await store.close()


async def _longest_hold(work: Awaitable[object]) -> float:
    """Return the longest time, in seconds, that this process kept its own loop from running during `work`.

    Measured in the process's processor time: what other programs take of the machine is not the store's doing,
    and waiting for the disk does not hold the loop.
    """
    task = asyncio.ensure_future(work)
    longest = 0.0
    while not task.done():
        began = time.process_time()
        await asyncio.sleep(0.001)
        longest = max(longest, time.process_time() - began)
    await task
    return longest


async def test_run_and_write(live: AsyncStore) -> None:
    await live.write(lambda store: store.examples.put(example(1)))
    assert await live.run(lambda store: store.examples.ids()) == [example(1).id]
    assert live.counts.total == 1
    assert not live.readonly
    assert live.notes == ()


async def test_write_is_one_transaction(live: AsyncStore) -> None:
    def half(store: Store) -> None:
        store.examples.put(example(1))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await live.write(half)
    assert live.counts.total == 0
    assert await live.run(lambda store: len(store.examples)) == 0


async def test_calls_come_one_after_the_other(live: AsyncStore) -> None:
    """Read, change, write: fifty at once lose nothing."""

    def add(store: Store) -> None:
        before = store.examples.get(example(1).id)
        count = int(before.messages[-1].content) if before else 0
        store.examples.put(example(1, str(count + 1)))

    await asyncio.gather(*(live.write(add) for _ in range(50)))
    final = await live.run(lambda store: store.examples.get(example(1).id))
    assert final is not None
    assert final.messages[-1].content == "50"


async def test_subscribers_are_told(live: AsyncStore) -> None:
    async with live.subscribe() as first, live.subscribe() as second:
        await live.write(lambda store: store.examples.put_many([example(1), example(2)]))
        assert await anext(first) == Change("examples", (example(1).id, example(2).id))
        await live.write(lambda store: store.examples.put(example(2, "changed")))
        await live.write(lambda store: store.examples.delete(example(1).id))
        assert await anext(first) == Change("examples", (example(2).id, example(1).id))
        whole = await anext(second)
        assert set(whole.ids) == {example(1).id, example(2).id}, "what waits is gathered"
        with pytest.raises(ZeroDivisionError):
            await live.write(lambda store: (store.examples.put(example(3)), 1 / 0))
        await live.write(lambda store: store.examples.put(example(4)))
        assert await anext(first) == Change("examples", (example(4).id,)), "what was undone is not told"


async def test_counts_are_there_when_a_change_is_told(live: AsyncStore) -> None:
    async with live.subscribe() as changes:
        await live.write(lambda store: store.examples.put(example(1, status=Status.FLAGGED)))
        await anext(changes)
        assert live.counts.by_status["flagged"] == 1


async def test_closing_ends_subscriptions(folder: Path) -> None:
    live = await AsyncStore.open(folder)

    async def collect() -> list[Change]:
        async with live.subscribe() as changes:
            ready.set()
            return [change async for change in changes]

    ready = asyncio.Event()
    collecting = asyncio.create_task(collect())
    await ready.wait()
    await live.write(lambda store: store.examples.put(example(1)))
    await live.close()
    await live.close()
    assert await asyncio.wait_for(collecting, 10) == [Change("examples", (example(1).id,))]
    Store.open(folder).close()


async def test_a_follower_is_told_what_another_store_writes(live: AsyncStore, folder: Path) -> None:
    with pytest.raises(StoreLocked):
        await AsyncStore.open(folder)
    follower = await AsyncStore.open(folder, readonly=True)
    assert follower.readonly
    async with follower.subscribe() as changes:
        await live.write(lambda store: store.examples.put(example(1)))
        assert await asyncio.wait_for(anext(changes), 10) == Change("examples", (example(1).id,))
        assert follower.counts.total == 1
    await live.write(lambda store: store.examples.put(example(2)))
    assert await follower.run(lambda store: len(store.examples)) == 2, "what one asks for is up to date"
    with pytest.raises(StoreReadOnly):
        await follower.write(lambda store: store.examples.put(example(3)))
    await follower.close()


Work = Callable[[int], Awaitable[object]]


async def _keeps_out_of_the_way(work: Work) -> None:
    gc.collect()
    holds = []
    for attempt in range(ATTEMPTS):
        holds.append(await _longest_hold(work(attempt)))
        if holds[-1] <= LONGEST_HOLD:
            return
    raise AssertionError(f"the loop was held for {holds}")


@pytest.mark.slow
async def test_the_loop_runs_on_while_17_000_are_inserted(live: AsyncStore) -> None:
    examples = [example(n, "kelime " * 150) for n in range(17_000)]

    def insert(attempt: int) -> Awaitable[object]:
        batch = [document.model_copy(update={"note": f"{attempt}"}) for document in examples]
        return live.write(lambda store: store.examples.put_many(batch))

    await _keeps_out_of_the_way(insert)


@pytest.mark.slow
async def test_the_loop_runs_on_while_opening_and_searching(folder: Path) -> None:
    with Store.open(folder) as store:
        store.examples.put_many(
            example(n, "kelime " * 150, status=list(Status)[n % 4]) for n in range(17_000)
        )
        store.examples.put_many(example(n, "başka " * 150) for n in range(0, 17_000, 3))

    async def open_and_search(_: int) -> None:
        reader = await AsyncStore.open(folder, readonly=True)
        found = await reader.run(lambda store: store.examples.ids(note=None, status="pending"))
        assert len(found) > 5_000
        await reader.run(lambda store: store.snapshot())
        await reader.close()

    await _keeps_out_of_the_way(open_and_search)


async def test_a_call_that_holds_the_loop_is_found_out() -> None:
    """The two tests above can fail: sorting a million numbers in one call does."""
    numbers = [(n * 7919) % 1_000_003 for n in range(1_000_000)]
    assert await _longest_hold(asyncio.to_thread(sorted, numbers)) > LONGEST_HOLD
