"""Any sequence of decisions, bulk acts, undo, redo, filters and restarts, against a model that keeps whole states."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from store.live import AsyncStore
from store.models import Example, Message
from studio.jobs.review.decisions import NothingToUndoError
from studio.jobs.review.desk import Desk
from studio.jobs.review.filters import Filter
from studio.jobs.review.live import LiveCatalog

pytestmark = pytest.mark.slow

IDS = [f"{number:032x}" for number in range(6)]
WORDS = ("ışık", "IŞIK", "isik", "İSTANBUL", "istanbul", "owl")
State = dict[str, tuple[str, tuple[Message, ...], str | None, tuple[int, ...], int]]


def example(number: int) -> Example:
    turns = tuple(
        Message(role="user" if place % 2 == 0 else "assistant", content=f"{WORDS[number]} {place}")
        for place in range(4)
    )
    return Example(id=IDS[number], messages=turns, category="turkish" if number % 2 else "technical")


def seen(e: Example) -> tuple[str, tuple[Message, ...], str | None, tuple[int, ...], int]:
    return e.status.value, e.messages, e.note, e.left_out_turns, len(e.decisions)


ids = st.sampled_from(IDS)
actions = st.sampled_from(["accept", "reject", "flag", "skip", "reset"])


class Reviewing(RuleBasedStateMachine):
    """The store says at each moment what the model says; undo and redo walk along the model's states."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="reviewing-"))
        self.runner.run(self._open())
        self.runner.run(self.store.write(lambda s: s.examples.put_many(map(example, range(6)))))
        self.runner.run(self.desk.live.settled())
        self.past: list[State] = [self.now()]
        self.future: list[State] = []

    async def _open(self) -> None:
        self.store = await AsyncStore.open(self.folder)
        live = LiveCatalog(self.store)
        self.following = asyncio.get_running_loop().create_task(live.run())
        await live.ready.wait()
        self.desk = Desk(self.store, live)

    async def _close(self) -> None:
        self.following.cancel()
        await asyncio.wait([self.following])
        await self.store.close()

    def now(self) -> State:
        found = self.runner.run(self.store.run(lambda s: s.examples.find()))
        return {e.id: seen(e) for e in found}

    def acted(self) -> None:
        self.past.append(self.now())
        self.future.clear()

    @rule(key=ids, action=actions)
    def decide(self, key: str, action: str) -> None:
        self.runner.run(self.desk.decide(key, action))  # type: ignore[arg-type]
        self.acted()

    @rule(chosen=st.sets(ids, min_size=1), action=actions)
    def decide_many(self, chosen: set[str], action: str) -> None:
        assert self.runner.run(self.desk.decide_all(sorted(chosen), action)) == len(chosen)  # type: ignore[arg-type]
        self.acted()

    @rule(key=ids, word=st.sampled_from(WORDS))
    def edit(self, key: str, word: str) -> None:
        messages = self.now()[key][1]
        self.runner.run(self.desk.edit(key, (*messages[:-1], Message(role="assistant", content=word))))
        self.acted()

    @rule(chosen=st.sets(ids, min_size=1), word=st.sampled_from(WORDS))
    def edit_many(self, chosen: set[str], word: str) -> None:
        state = self.now()
        new = {k: (*state[k][1][:-1], Message(role="assistant", content=word)) for k in chosen}
        self.runner.run(self.desk.edit_all(new, action="replace"))
        self.acted()

    @rule(key=ids, turn=st.integers(0, 3), cut=st.booleans())
    def by_turn(self, key: str, turn: int, cut: bool) -> None:
        act = self.desk.cut if cut else self.desk.leave_out
        before = self.now()
        try:
            self.runner.run(act(key, turn))
        except ValueError:
            assert self.now() == before
        else:
            self.acted()

    @rule(key=ids, text=st.text(max_size=8))
    def note(self, key: str, text: str) -> None:
        self.runner.run(self.desk.annotate(key, text))
        self.acted()

    @rule()
    def undo(self) -> None:
        if len(self.past) == 1:
            with pytest.raises(NothingToUndoError):
                self.runner.run(self.desk.undo())
            return
        self.runner.run(self.desk.undo())
        self.future.append(self.past.pop())
        assert self.now() == self.past[-1]

    @rule()
    def redo(self) -> None:
        if not self.future:
            with pytest.raises(NothingToUndoError):
                self.runner.run(self.desk.redo())
            return
        self.runner.run(self.desk.redo())
        self.past.append(self.future.pop())
        assert self.now() == self.past[-1]

    @rule()
    def restart(self) -> None:
        self.runner.run(self._close())
        self.runner.run(self._open())
        assert self.now() == self.past[-1]

    @precondition(lambda self: len(self.past) > 2)
    @rule(status=st.sampled_from(["pending", "accepted", "rejected", "flagged"]), word=st.sampled_from(WORDS))
    def filter(self, status: str, word: str) -> None:
        from studio.jobs.review.search import matches

        found = self.desk.live.catalog.ids(Filter(status=status, text=word))
        wanted = [
            key
            for key, (state, messages, note, *_) in self.now().items()
            if state == status
            and any(matches(word, text) for text in (*(m.content for m in messages), note or ""))
        ]
        assert sorted(found) == sorted(wanted)

    @invariant()
    def counts_agree(self) -> None:
        counts = self.store.counts.by_status
        state = self.past[-1]
        assert {name: sum(s[0] == name for s in state.values()) for name in counts} == counts

    def teardown(self) -> None:
        self.runner.run(self._close())
        self.runner.close()
        shutil.rmtree(self.folder)


Reviewing.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestReviewing = Reviewing.TestCase
