"""The reviewer's desk over the open store: each act is one durable change, and each can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from store.database import Store
from store.live import AsyncStore
from store.models import DecisionAction, Example, Message
from studio.jobs.review.decisions import NothingToUndoError, Undone, decide, edit, redo, undo
from studio.jobs.review.listing import last_decided

Change = Callable[[Example], Example]


class GoneError(Exception):
    """The example is no longer in the store."""


@dataclass
class Desk:
    """Acts on examples, in the order in which they were asked for."""

    store: AsyncStore
    redoable: list[dict[str, Undone]] = field(default_factory=list)
    """What was taken back since the last act, the newest last."""
    acts: list[str] = field(default_factory=list)
    """The ids of this desk's own acts, so that undo need not search the store for them."""

    async def decide(self, example_id: str, action: DecisionAction, reason: str | None = None) -> Example:
        """Accept, reject, flag or skip; returns the example as it is stored now.

        Raises:
            GoneError: it was deleted meanwhile.
            StoreError: the store did not take it; nothing is changed.
        """
        changed = await self.store.write(
            lambda store: _change(store, example_id, lambda e: decide(e, action, reason=reason))
        )
        self._acted(example_id)
        return changed

    async def edit(self, example_id: str, messages: Sequence[Message]) -> Example:
        """Give the example other messages.

        Raises:
            ValueError: the messages make no example; nothing is changed.
            GoneError, StoreError: as `decide`.
        """
        changed = await self.store.write(
            lambda store: _change(store, example_id, lambda e: edit(e, messages))
        )
        self._acted(example_id)
        return changed

    async def undo(self) -> list[str]:
        """Take the newest decision back; return the ids it touched.

        After this desk's own acts come those that the store remembers, by whomever and whenever they were made.

        Raises:
            NothingToUndoError: no example has a decision.
            StoreError: as `decide`.
        """
        own = [self.acts[-1]] if self.acts else None
        undone = await self.store.write(lambda store: _undo(store, own))
        if own:
            self.acts.pop()
        self.redoable.append(undone)
        return list(undone)

    async def redo(self) -> list[str]:
        """Make the decision again that was taken back last; return the ids it touched.

        Raises:
            NothingToUndoError: nothing was taken back since the last act.
            StoreError: as `decide`.
        """
        if not self.redoable:
            raise NothingToUndoError("nothing was taken back")
        undone = self.redoable[-1]
        await self.store.write(lambda store: _redo(store, undone))
        self.redoable.pop()
        if len(undone) == 1:
            self.acts.extend(undone)
        return list(undone)

    def _acted(self, example_id: str) -> None:
        self.acts.append(example_id)
        self.redoable.clear()


def _change(store: Store, example_id: str, change: Change) -> Example:
    example = store.examples.get(example_id)
    if example is None:
        raise GoneError(example_id)
    changed = change(example)
    store.examples.put(changed)
    return changed


def _undo(store: Store, own: list[str] | None) -> dict[str, Undone]:
    ids = own or last_decided(store)
    if not ids:
        raise NothingToUndoError("no example has a decision")
    done: dict[str, Undone] = {}
    changed = []
    for example_id in ids:
        example = store.examples.get(example_id)
        if example is not None:
            before, done[example_id] = undo(example)
            changed.append(before)
    store.examples.put_many(changed)
    return done


def _redo(store: Store, undone: dict[str, Undone]) -> None:
    examples = [(store.examples.get(key), value) for key, value in undone.items()]
    store.examples.put_many([redo(example, value) for example, value in examples if example is not None])
