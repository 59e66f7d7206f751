"""A reviewer's decisions: each makes a new example that remembers what it was, so that each can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from store.models import Decision, DecisionAction, Example, Former, Message, Signals, Status, Undone, now

PERSON: Final = "person"

_AFTER: dict[DecisionAction, Status] = {
    "accept": Status.ACCEPTED,
    "reject": Status.REJECTED,
    "flag": Status.FLAGGED,
    "reset": Status.PENDING,
}


class NothingToUndoError(Exception):
    """There is no decision that could be taken back, or made again."""


def status_after(action: DecisionAction, before: Status) -> Status:
    """Return the status that an accept, reject, flag, skip or reset leaves.

    Raises:
        ValueError: the action is another one.
    """
    if action == "skip":
        return before
    if action not in _AFTER:
        raise ValueError(f"{action} is not a decision about the status")
    return _AFTER[action]


def decide(
    example: Example,
    action: DecisionAction,
    who: str = PERSON,
    *,
    reason: str | None = None,
    batch_id: str | None = None,
    at: datetime | None = None,
    allow_near_duplicate: bool = False,
) -> Example:
    """Return the example after an accept, reject, flag, skip or reset.

    A skip leaves the status and is remembered, so that it can be undone like the others. With
    `allow_near_duplicate` it may be trained on although it is like another one.

    Raises:
        ValueError: the action is an edit or a note; these have their own functions.
    """
    after = status_after(action, example.status)
    former, changes = None, {}
    if allow_near_duplicate and not example.signals.near_duplicate_allowed:
        former = Former(near_duplicate_allowed=False)
        changes["signals"] = example.signals.model_copy(update={"near_duplicate_allowed": True})
    decision = Decision(
        at=at or now(),
        who=who,
        action=action,
        before=example.status,
        after=after,
        reason=reason,
        batch_id=batch_id,
        former=former,
    )
    return _with(example, decision, status=after, **changes)


def give_reason(example: Example, reason: str) -> Example:
    """Return the example with a reason for its last decision; no decision of its own.

    Raises:
        NothingToUndoError: it has no decisions.
    """
    if not example.decisions:
        raise NothingToUndoError(example.id)
    last = example.decisions[-1].model_copy(update={"reason": reason})
    return example.model_copy(update={"decisions": (*example.decisions[:-1], last)})


def edit(
    example: Example,
    messages: Sequence[Message],
    who: str = PERSON,
    *,
    action: DecisionAction = "edit",
    reason: str | None = None,
    batch_id: str | None = None,
    at: datetime | None = None,
    after: Status | None = None,
) -> Example:
    """Return the example with other messages; what the teacher wrote stays beside it as `original`.

    What was measured of the old words is forgotten; with `after` it has another status, as a new version that nobody
    has looked at is pending. Turns stay left out of the loss where they are still replies.

    Raises:
        ValueError: there are no messages, one is empty, nobody answers, or no reply would be learned from.
    """
    new = tuple(messages)
    if not new:
        raise ValueError("an example needs at least one turn")
    if empty := next((place for place, message in enumerate(new, 1) if not message.content.strip()), None):
        raise ValueError(f"turn {empty} is empty")
    replies = [place for place, message in enumerate(new) if message.role == "assistant"]
    if not replies:
        raise ValueError("no turn is the assistant's, so there would be nothing to learn")
    left_out = tuple(place for place in example.left_out_turns if place in replies)
    if len(left_out) == len(replies):
        raise ValueError("all replies that are left stay out of the loss, so there would be nothing to learn")
    former = None if left_out == example.left_out_turns else Former(left_out_turns=example.left_out_turns)
    decision = Decision(
        at=at or now(),
        who=who,
        action=action,
        before=example.status,
        after=after or example.status,
        reason=reason,
        batch_id=batch_id,
        messages_before=example.messages,
        former=former,
    )
    original = example.original if example.original is not None else example.messages
    return _with(
        example,
        decision,
        status=decision.after,
        messages=new,
        original=original,
        left_out_turns=left_out,
        signals=_unmeasured(example),
    )


def cut(
    example: Example,
    turn: int,
    who: str = PERSON,
    *,
    batch_id: str | None = None,
    at: datetime | None = None,
) -> Example:
    """Return the example without what comes after a turn (index from 0); a question left without reply goes too.

    Raises:
        ValueError: nothing would be cut, or no reply would be left to learn from.
    """
    kept = list(example.messages[: turn + 1])
    while kept and kept[-1].role != "assistant":
        kept.pop()
    if len(kept) == len(example.messages):
        raise ValueError("nothing comes after this turn")
    return edit(example, kept, who, action="cut", batch_id=batch_id, at=at)


def leave_out(example: Example, turn: int, who: str = PERSON, *, at: datetime | None = None) -> Example:
    """Return the example with a reply (index from 0) left out of the loss, or taken in again.

    Raises:
        ValueError: the turn is no reply, or it is the only one that is learned from.
    """
    replies = [place for place, message in enumerate(example.messages) if message.role == "assistant"]
    if turn not in replies:
        raise ValueError("only a reply can be left out; other turns are context already")
    left_out = set(example.left_out_turns) ^ {turn}
    if left_out.issuperset(replies):
        raise ValueError("it is the only reply that is learned from; r rejects the example")
    decision = Decision(
        at=at or now(),
        who=who,
        action="leave_out",
        before=example.status,
        after=example.status,
        former=Former(left_out_turns=example.left_out_turns),
    )
    return _with(example, decision, left_out_turns=tuple(sorted(left_out)))


def annotate(example: Example, text: str, who: str = PERSON, *, at: datetime | None = None) -> Example:
    """Return the example with a note; an empty text takes the note away."""
    decision = Decision(
        at=at or now(),
        who=who,
        action="note",
        before=example.status,
        after=example.status,
        former=Former(note=example.note or ""),
    )
    return _with(example, decision, note=text.strip() or None)


def undo(example: Example, *, at: datetime | None = None) -> Example:
    """Return the example as it was before its last decision, which it remembers for `redo`.

    Raises:
        NothingToUndoError: it has no decisions.
    """
    if not example.decisions:
        raise NothingToUndoError(example.id)
    decision = example.decisions[-1]
    changed = decision.messages_before is not None
    undone = Undone(
        decision=decision,
        at=at or now(),
        messages=example.messages if changed else None,
        after=_same_fields(example, decision.former),
    )
    update: dict[str, object] = {
        "status": decision.before,
        "decisions": example.decisions[:-1],
        "undone": (*example.undone, undone),
        **_fields(example, decision.former),
    }
    if changed:
        update["messages"] = decision.messages_before
        update["signals"] = _unmeasured(example)
        if decision.messages_before == example.original and not _edited_before(example):
            update["original"] = None
    return example.model_copy(update=update)


def redo(example: Example) -> Example:
    """Return the example with the decision made again that was taken back last, at its own time and by its own hand.

    Raises:
        NothingToUndoError: nothing was taken back since its last decision.
    """
    if not example.undone:
        raise NothingToUndoError(example.id)
    undone = example.undone[-1]
    decision = undone.decision
    update: dict[str, object] = {
        "status": decision.after,
        "decisions": (*example.decisions, decision),
        "undone": example.undone[:-1],
        **_fields(example, undone.after),
    }
    if undone.messages is not None:
        update["messages"] = undone.messages
        update["original"] = example.original if example.original is not None else example.messages
        update["signals"] = _unmeasured(example)
    return example.model_copy(update=update)


def _with(example: Example, decision: Decision, **changes: object) -> Example:
    return example.model_copy(
        update={"decisions": (*example.decisions, decision), "undone": (), **changes},
    )


def _edited_before(example: Example) -> bool:
    return any(decision.messages_before is not None for decision in example.decisions[:-1])


def _unmeasured(example: Example) -> Signals:
    """Return the signals of words that nobody has measured; what a person allowed stays allowed."""
    return Signals(near_duplicate_allowed=example.signals.near_duplicate_allowed)


def _fields(example: Example, values: Former | None) -> dict[str, object]:
    """Return the fields of the example that these values set."""
    update: dict[str, object] = {}
    if values is None:
        return update
    if values.left_out_turns is not None:
        update["left_out_turns"] = values.left_out_turns
    if values.note is not None:
        update["note"] = values.note or None
    if values.near_duplicate_allowed is not None:
        update["signals"] = example.signals.model_copy(
            update={"near_duplicate_allowed": values.near_duplicate_allowed}
        )
    if values.enhanced is not None:
        update["provenance"] = example.provenance.model_copy(update={"enhanced": values.enhanced or None})
    return update


def _same_fields(example: Example, former: Former | None) -> Former | None:
    """Return what the example has now in the fields that `former` has."""
    if former is None:
        return None
    return Former(
        left_out_turns=example.left_out_turns if former.left_out_turns is not None else None,
        note=(example.note or "") if former.note is not None else None,
        near_duplicate_allowed=(
            example.signals.near_duplicate_allowed if former.near_duplicate_allowed is not None else None
        ),
        enhanced=(example.provenance.enhanced or "") if former.enhanced is not None else None,
    )
