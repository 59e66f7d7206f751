"""The preference pairs that there are: where each came from, whether it is trained on, and dropping one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from store.models import Decision, DecisionAction, Example, PreferencePair, Status, now
from studio.jobs.review.decisions import PERSON, NothingToUndoError, status_after
from studio.jobs.train.choose import is_decided

if TYPE_CHECKING:
    from store.database import Store

Source = Literal["compared", "mended", "edited", "other"]
"""Two models side by side, a reply mended in a chat, an example edited in Review, anything else."""
State = Literal["in", "waits", "dropped", "tie"]
"""Trained on by preference; waits for its example or a decision; dropped by a person; prefers neither."""

SOURCES: tuple[Source, ...] = ("compared", "mended", "edited", "other")


@dataclass(frozen=True)
class Listed:
    """A pair with what a list says about it."""

    pair: PreferencePair
    source: Source
    state: State


def listed(pairs: Iterable[PreferencePair], parents: Mapping[str, Example]) -> list[Listed]:
    """Return all pairs, the newest first; `parents` are the examples that they name, by id."""
    found = [Listed(pair, source_of(pair), state_of(pair, parents)) for pair in pairs]
    return sorted(found, key=lambda item: (item.pair.created_at, item.pair.id), reverse=True)


def read_listed(store: Store) -> list[Listed]:
    """Return all pairs of the store, the newest first."""
    pairs = store.pairs.find()
    named = {pair.provenance.parent_id for pair in pairs if pair.provenance.parent_id}
    parents = {key: example for key in named if (example := store.examples.get(key)) is not None}
    return listed(pairs, parents)


def source_of(pair: PreferencePair) -> Source:
    """Return where a pair came from."""
    if pair.judgement is not None:
        return "compared"
    if pair.provenance.chat_session_id is not None:
        return "mended"
    return "edited" if pair.provenance.parent_id is not None else "other"


def state_of(pair: PreferencePair, parents: Mapping[str, Example]) -> State:
    """Return whether a training run by preference would use it as all stands now."""
    if pair.judgement is not None and pair.judgement.verdict == "tie":
        return "tie"
    if pair.status is Status.REJECTED:
        return "dropped"
    return "in" if is_decided(pair, parents) else "waits"


def decide(store: Store, pair_id: str, action: Literal["accept", "reject"]) -> PreferencePair:
    """Keep a pair, whatever becomes of its example, or drop it. Call it in one transaction.

    Raises:
        ValueError: it is no longer there, prefers neither, or stands so already.
    """
    pair: PreferencePair | None = store.pairs.get(pair_id)
    if pair is None:
        raise ValueError("the pair is no longer there")
    if pair.judgement is not None and pair.judgement.verdict == "tie":
        raise ValueError("a tie prefers neither; judge the two again in Chat")
    return _decided(store, pair, action)


def undo(store: Store) -> PreferencePair:
    """Take back the newest decision on any pair; return it as it is then. Call it in one transaction.

    Raises:
        NothingToUndoError: nothing was decided on any pair.
    """
    newest = _last_decided(store)
    if newest is None:
        raise NothingToUndoError
    before = newest.decisions[-1].before
    after = newest.model_copy(update={"status": before, "decisions": newest.decisions[:-1]})
    store.pairs.put(after)
    return after


def _decided(store: Store, pair: PreferencePair, action: DecisionAction) -> PreferencePair:
    status = status_after(action, pair.status)
    if status is pair.status:
        raise ValueError("it is kept already" if status is Status.ACCEPTED else "it is dropped already")
    last = _last_decided(store)
    # Later than all before, whatever the clock says: undo goes back in this order.
    at = now() if last is None else max(now(), last.decisions[-1].at + timedelta(microseconds=1))
    decision = Decision(at=at, who=PERSON, action=action, before=pair.status, after=status)
    after = pair.model_copy(update={"status": status, "decisions": (*pair.decisions, decision)})
    store.pairs.put(after)
    return after


def _last_decided(store: Store) -> PreferencePair | None:
    decided = (pair for pair in store.pairs.find() if pair.decisions)
    return max(decided, key=lambda pair: pair.decisions[-1].at, default=None)
