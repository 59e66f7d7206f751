"""The reviewer's desk over the open store: each act is one durable change, and each can be taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from store.database import Store
from store.live import AsyncStore
from store.models import DecisionAction, Example, Message, PreferencePair, Signals, new_id
from studio.jobs.review import decisions
from studio.jobs.review.bulk import decide_all
from studio.jobs.review.decisions import PERSON, NothingToUndoError
from studio.jobs.review.live import LiveCatalog
from studio.jobs.review.pairs import pair_of
from studio.jobs.review.versions import enhance as new_version
from studio.jobs.signals.keep import keep_signals

if TYPE_CHECKING:
    from studio.jobs.enhance.enhancer import Enhanced

Change = Callable[[Example], Example]
Measure = Callable[[Example, Example | None], Signals]
"""From an example and the one that it was near to, to its signals."""

MEASURED_AT_ONCE = 20
"""So many edited examples are measured with the act; more are left to the signals job."""


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class GoneError(Exception):
    """The example is no longer in the store."""


@dataclass
class Desk:
    """Acts on examples, in the order in which they were asked for."""

    store: AsyncStore
    live: LiveCatalog
    """Knows which decision is the newest; its `run` has to be running."""
    measure: Measure | None = None
    """What measures an example whose words changed."""
    _last: datetime = _NEVER
    """When this desk acted last."""

    async def decide(
        self,
        example_id: str,
        action: DecisionAction,
        reason: str | None = None,
        *,
        allow_near_duplicate: bool = False,
    ) -> Example:
        """Accept, reject, flag or skip; returns the example as it is stored now.

        Raises:
            GoneError: it was deleted meanwhile.
            StoreError: the store did not take it; nothing is changed.
        """
        at = self._moment()
        return await self._change(
            example_id,
            lambda e: decisions.decide(
                e, action, reason=reason, at=at, allow_near_duplicate=allow_near_duplicate
            ),
        )

    async def give_reason(self, example_id: str, reason: str) -> Example:
        """Add why to the example's last decision. Raises as `decide`, and NothingToUndoError without a decision."""
        return await self._change(example_id, lambda e: decisions.give_reason(e, reason))

    async def decide_all(self, ids: Sequence[str], action: DecisionAction, reason: str | None = None) -> int:
        """Decide on many examples as one act; returns on how many. Deleted ones are passed over.

        Raises:
            StoreError: as `decide`.
        """
        at, batch = self._moment(), new_id()
        return await self.store.write(
            partial(decide_all, ids=ids, action=action, who=PERSON, reason=reason, batch_id=batch, at=at)
        )

    async def edit(
        self,
        example_id: str,
        messages: Sequence[Message],
        who: str = PERSON,
        *,
        action: DecisionAction = "edit",
        reason: str | None = None,
    ) -> Example:
        """Give the example other messages, and measure them.

        Raises:
            ValueError: the messages make no example; nothing is changed.
            GoneError, StoreError: as `decide`.
        """
        at = self._moment()
        return await self._change(
            example_id, lambda e: decisions.edit(e, messages, who, action=action, reason=reason, at=at)
        )

    async def edit_all(
        self,
        messages: Mapping[str, tuple[Message, ...]],
        *,
        action: DecisionAction,
        reason: str | None = None,
    ) -> int:
        """Give many examples other messages as one act; returns how many. Raises ValueError, StoreError."""
        at, batch = self._moment(), new_id()
        return await self._change_all(
            list(messages),
            lambda e: decisions.edit(e, messages[e.id], action=action, reason=reason, batch_id=batch, at=at),
        )

    async def enhance_all(self, versions: Sequence[Enhanced], who: str) -> int:
        """Make new versions, pending, as one act; returns how many. What has changed since stays as it is.

        Raises:
            StoreError: as `decide`.
        """
        at, batch = self._moment(), new_id()
        by_id = {version.example.id: version for version in versions}
        made: list[str] = []

        def change(example: Example) -> Example:
            version = by_id[example.id]
            if example.messages != version.example.messages or example.provenance.enhanced:
                return example
            made.append(example.id)
            return new_version(example, version.messages, who, reason=version.reason, batch_id=batch, at=at)

        await self._change_all(list(by_id), change)
        return len(made)

    async def cut(self, example_id: str, turn: int) -> Example:
        """Cut what comes after a turn (index from 0). Raises as `edit`."""
        at = self._moment()
        return await self._change(example_id, lambda e: decisions.cut(e, turn, at=at))

    async def leave_out(self, example_id: str, turn: int) -> Example:
        """Leave a reply (index from 0) out of the loss, or take it in again. Raises as `edit`."""
        at = self._moment()
        return await self._change(example_id, lambda e: decisions.leave_out(e, turn, at=at))

    async def annotate(self, example_id: str, text: str) -> Example:
        """Write a note; an empty one takes it away. Raises as `decide`."""
        at = self._moment()
        return await self._change(example_id, lambda e: decisions.annotate(e, text, at=at))

    async def pair(self, example_id: str) -> PreferencePair:
        """Make a preference pair of an edited example: the new reply chosen, the teacher's rejected.

        Raises:
            ValueError: no reply was edited.
            GoneError, StoreError: as `decide`.
        """

        def write(store: Store) -> PreferencePair:
            made = pair_of(_get(store, example_id))
            store.pairs.put(made)
            return made

        return await self.store.write(write)

    async def undo(self) -> list[str]:
        """Take the newest decision back, by whomever and whenever it was made; return the ids it touched.

        Raises:
            NothingToUndoError: no example has a decision.
            StoreError: as `decide`.
        """
        await self._caught_up()
        ids, at = self.live.catalog.history.to_undo(), self._moment()
        return await self._step(ids, lambda e: decisions.undo(e, at=at))

    async def redo(self) -> list[str]:
        """Make the decision again that was taken back last; return the ids it touched.

        Raises:
            NothingToUndoError: nothing was taken back since the last act.
            StoreError: as `decide`.
        """
        await self._caught_up()
        return await self._step(self.live.catalog.history.to_redo(), decisions.redo)

    async def _step(self, ids: list[str], change: Change) -> list[str]:
        if not ids or not await self._change_all(ids, change):
            raise NothingToUndoError
        return ids

    async def _change(self, example_id: str, change: Change) -> Example:
        def write(store: Store) -> tuple[Example, Example]:
            before = _get(store, example_id)
            after = change(before)
            store.examples.put(after)
            return before, after

        before, after = await self.store.write(write)
        if after.messages != before.messages:
            after = await self._measured(before, after)
        await self.live.settled()
        return after

    async def _change_all(self, ids: Sequence[str], change: Change) -> int:
        def write(store: Store) -> list[tuple[Example, Example]]:
            pairs = []
            for key in ids:
                example = store.examples.get(key)
                if example is not None:
                    pairs.append((example, change(example)))
            store.examples.put_many([after for _, after in pairs])
            return pairs

        pairs = await self.store.write(write)
        reworded = [(before, after) for before, after in pairs if before.messages != after.messages]
        if len(reworded) <= MEASURED_AT_ONCE:
            for before, after in reworded:
                await self._measured(before, after)
        await self.live.settled()
        return len(pairs)

    async def _measured(self, before: Example, after: Example) -> Example:
        """Measure an example whose words changed, and keep that where it has not changed again."""
        measure = self.measure
        if measure is None:
            return after
        near = before.signals.near_duplicate_of
        other = await self.store.run(lambda store: store.examples.get(near)) if near else None
        signals = await asyncio.to_thread(measure, after, other)
        kept = await self.store.write(lambda store: keep_signals(store, after.id, after.messages, signals))
        return kept or after

    async def _caught_up(self) -> None:
        """Wait until the history knows every decision that has been written."""
        await self.live.ready.wait()
        await self.live.settled()

    def _moment(self) -> datetime:
        """Return the time for the next act: later than all before, whatever the clock says."""
        self._last = max(self.live.catalog.history.next_moment(), self._last + timedelta(microseconds=2))
        return self._last


def _get(store: Store, example_id: str) -> Example:
    example = store.examples.get(example_id)
    if example is None:
        raise GoneError(example_id)
    return example
