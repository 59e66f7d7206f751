"""Events as JSON lines: for programs."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Self, TextIO

from store.models import JobRecord
from studio.jobs.events import Event


class JsonLines:
    """One object a line, flat: `type` says which event it is, `n` and `at` are there where it was recorded."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __enter__(self) -> Self:
        """Begin; there is nothing to prepare."""
        return self

    def __exit__(self, *error: object) -> None:
        """End; each line went out as it came."""

    def show(self, event: Event, *, n: int | None = None, at: datetime | None = None) -> None:
        """Write the event, whole."""
        recorded = {"n": n, "at": at.isoformat() if at else None} if n is not None else {}
        self._write(recorded | event.model_dump(mode="json"))

    def began(self, record: JobRecord) -> None:
        """Write `{"type": "job", …}` with the job's id, kind, title and folder."""
        fields = {"id", "kind", "title", "folder"}
        self._write({"type": "job", **record.model_dump(mode="json", include=fields)})

    def note(self, text: str) -> None:
        """Write `{"type": "note", "text": …}`."""
        self._write({"type": "note", "text": text})

    def _write(self, value: dict[str, object]) -> None:
        # ASCII, so that nothing in a reply reaches a terminal raw, and lone surrogates can be written.
        self._out.write(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")
        self._out.flush()
