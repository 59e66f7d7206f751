"""A new version of an example that nobody has looked at, made of words that the persona's own file gives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from store.models import Example, Former, Message, Status
from studio.jobs.review.decisions import edit


def enhance(
    example: Example,
    messages: Sequence[Message],
    who: str,
    *,
    reason: str,
    batch_id: str | None = None,
    at: datetime | None = None,
) -> Example:
    """Return a new version of the example that nobody has looked at: pending, with what made it in its provenance.

    Raises:
        ValueError: as `edit`, or it has been enhanced before.
    """
    if example.provenance.enhanced:
        raise ValueError("it has been enhanced before")
    made = edit(
        example,
        messages,
        who,
        action="enhance",
        reason=reason,
        batch_id=batch_id,
        at=at,
        after=Status.PENDING,
    )
    last = made.decisions[-1]
    former = (last.former or Former()).model_copy(update={"enhanced": ""})
    return made.model_copy(
        update={
            "decisions": (*made.decisions[:-1], last.model_copy(update={"former": former})),
            "provenance": made.provenance.model_copy(update={"enhanced": who}),
        }
    )
