"""Small documents for the store's tests."""

from __future__ import annotations

from datetime import UTC, datetime

from store.database import Store
from store.models import Example, Message, Status

LONG_AGO = datetime(2026, 11, 1, tzinfo=UTC)


def example(
    number: int, text: str = "", *, status: Status = Status.PENDING, category: str = "technical"
) -> Example:
    """Return an example whose id is its number in words that sort."""
    return Example(
        id=f"e{number:05d}",
        created_at=LONG_AGO,
        messages=(
            Message(role="user", content=f"Soru {number}: neden? \t\n\x00 \U0001f989"),
            Message(role="assistant", content=text or f"Çünkü {number}."),
        ),
        category=category,
        status=status,
    )


def contents(store: Store) -> dict[str, str]:
    """Return the last message of every example by id."""
    return {document.id: document.messages[-1].content for document in store.examples}
