"""A reviewer's decisions: each makes a new example that remembers what it was, so that each can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from store.models import Decision, DecisionAction, Example, Message, Status, now

PERSON: Final = "person"

_AFTER: dict[DecisionAction, Status] = {
    "accept": Status.ACCEPTED,
    "reject": Status.REJECTED,
    "flag": Status.FLAGGED,
    "reset": Status.PENDING,
}


class NothingToUndoError(Exception):
    """The example has no decision that could be taken back."""


@dataclass(frozen=True)
class Undone:
    """A decision that was taken back, with what `redo` needs to make it again."""

    decision: Decision
    messages: tuple[Message, ...]
    """The messages as they were after the decision."""


def decide(
    example: Example,
    action: DecisionAction,
    who: str = PERSON,
    *,
    reason: str | None = None,
    batch_id: str | None = None,
    at: datetime | None = None,
) -> Example:
    """Return the example after an accept, reject, flag, skip or reset.

    A skip leaves the status and is remembered, so that it can be undone like the others.

    Raises:
        ValueError: the action is an edit or a note; these have their own functions.
    """
    if action == "skip":
        after = example.status
    elif action in _AFTER:
        after = _AFTER[action]
    else:
        raise ValueError(f"{action} is not a decision about the status")
    decision = _decision(example, action, who, after, reason=reason, batch_id=batch_id, at=at)
    return example.model_copy(update={"status": after, "decisions": (*example.decisions, decision)})


def edit(
    example: Example, messages: Sequence[Message], who: str = PERSON, *, at: datetime | None = None
) -> Example:
    """Return the example with other messages; what the teacher wrote stays beside it as `original`.

    Raises:
        ValueError: there are no messages, one is empty, or nobody answers.
    """
    new = tuple(messages)
    if not new:
        raise ValueError("an example needs at least one turn")
    if empty := next((place for place, message in enumerate(new, 1) if not message.content.strip()), None):
        raise ValueError(f"turn {empty} is empty")
    if all(message.role != "assistant" for message in new):
        raise ValueError("no turn is the assistant's, so there would be nothing to learn")
    decision = _decision(example, "edit", who, example.status, messages_before=example.messages, at=at)
    return example.model_copy(
        update={
            "messages": new,
            "original": example.original if example.original is not None else example.messages,
            "decisions": (*example.decisions, decision),
        }
    )


def undo(example: Example) -> tuple[Example, Undone]:
    """Return the example as it was before its last decision, and that decision for `redo`.

    Raises:
        NothingToUndoError: it has no decisions.
    """
    if not example.decisions:
        raise NothingToUndoError(example.id)
    decision = example.decisions[-1]
    update: dict[str, object] = {"status": decision.before, "decisions": example.decisions[:-1]}
    if decision.messages_before is not None:
        update["messages"] = decision.messages_before
        if decision.messages_before == example.original:
            update["original"] = None
    return example.model_copy(update=update), Undone(decision, example.messages)


def redo(example: Example, undone: Undone) -> Example:
    """Return the example with a decision made again that `undo` took back, at its own time and by its own hand."""
    decision = undone.decision
    update: dict[str, object] = {"status": decision.after, "decisions": (*example.decisions, decision)}
    if decision.messages_before is not None:
        update["messages"] = undone.messages
        update["original"] = example.original if example.original is not None else example.messages
    return example.model_copy(update=update)


def _decision(
    example: Example,
    action: DecisionAction,
    who: str,
    after: Status,
    **facts: Any,
) -> Decision:
    at = facts.pop("at", None) or now()
    return Decision(at=at, who=who, action=action, before=example.status, after=after, **facts)
