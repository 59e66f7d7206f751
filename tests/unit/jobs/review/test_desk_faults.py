"""Decisions while the disk is full or another studio writes: told, nothing half done, and the next one works."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest

from store.database import Store
from store.errors import StoreReadOnly, StoreWriteFailed
from store.files import AppendHandle, Files
from store.live import AsyncStore
from store.models import Example, Message
from studio.jobs.review.desk import Desk
from studio.jobs.review.live import LiveCatalog

IDS = [f"{number:032x}" for number in range(3)]


def examples() -> list[Example]:
    turns = (Message(role="user", content="Soru"), Message(role="assistant", content="Yanıt"))
    return [Example(id=key, messages=turns, category="c") for key in IDS]


class Filling(Files):
    """A disk that has no room while `full` is set."""

    full = False

    def _open(self, path: Path, flags: int) -> AppendHandle:
        handle = super()._open(path, flags)
        write = handle.append

        def append(data: bytes) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            write(data)

        handle.append = append  # type: ignore[method-assign]
        return handle


async def desk_on(store: AsyncStore) -> tuple[Desk, asyncio.Task[None]]:
    live = LiveCatalog(store)
    running = asyncio.create_task(live.run())
    await live.ready.wait()
    return Desk(store, live), running


async def test_a_full_disk_refuses_the_decision_and_takes_the_next(tmp_path: Path) -> None:
    disk = Filling()
    opened = Store.open(tmp_path, files=disk)
    opened.examples.put_many(examples())
    store = AsyncStore(opened)
    desk, running = await desk_on(store)
    await desk.decide(IDS[0], "accept")
    disk.full = True
    for act in (desk.decide(IDS[1], "reject"), desk.decide_all(IDS, "flag"), desk.undo()):
        with pytest.raises(StoreWriteFailed):
            await act
    assert store.counts.by_status == {"pending": 2, "accepted": 1, "rejected": 0, "flagged": 0}
    disk.full = False
    await desk.decide(IDS[1], "reject")
    assert [await desk.undo(), await desk.undo()] == [[IDS[1]], [IDS[0]]]
    running.cancel()
    await store.close()
    with Store.open(tmp_path) as again:
        assert again.counts.by_status["pending"] == 3


async def test_beside_another_writer_every_act_says_so(tmp_path: Path) -> None:
    with Store.open(tmp_path) as writer:
        writer.examples.put_many(examples())
        store = await AsyncStore.open(tmp_path, readonly=True)
        desk, running = await desk_on(store)
        for act in (
            desk.decide(IDS[0], "accept"),
            desk.decide_all(IDS, "accept"),
            desk.annotate(IDS[0], "x"),
        ):
            with pytest.raises(StoreReadOnly):
                await act
        running.cancel()
        await store.close()
        assert writer.counts.by_status["pending"] == 3
