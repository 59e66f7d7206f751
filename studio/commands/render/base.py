"""What every way of showing a job's events can do."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, Self

from store.models import JobRecord
from studio.jobs.events import Event


class Renderer(Protocol):
    """Shows events in their order; a context manager, so that the terminal is itself again at the end."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(self, *error: object) -> None:
        """End, and show what was held back."""
        ...

    def show(self, event: Event, *, n: int | None = None, at: datetime | None = None) -> None:
        """Show one event; `n` and `at` are its number and time where it was recorded."""
        ...

    def began(self, record: JobRecord) -> None:
        """Say which job this is, before its first event."""
        ...

    def note(self, text: str) -> None:
        """Say something that is no event: what Ctrl-C did, how to resume."""
        ...
