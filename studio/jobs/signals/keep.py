"""Keeping what was measured, where it is still true."""

from __future__ import annotations

from store.database import Store
from store.models import Example, Message, Signals


def keep_signals(
    database: Store, example_id: str, messages: tuple[Message, ...], signals: Signals
) -> Example | None:
    """Give an example the signals of these messages; None, and nothing is changed, where it has others by now.

    Called in a transaction: a person may have decided on it meanwhile, and what they allowed stays allowed.
    """
    current = database.examples.get(example_id)
    if current is None or current.messages != messages:
        return None
    allowed = current.signals.near_duplicate_allowed
    kept = signals.model_copy(update={"near_duplicate_allowed": allowed})
    measured = current.model_copy(update={"signals": kept})
    database.examples.put(measured)
    return measured
