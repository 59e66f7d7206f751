"""Events as plain lines: for pipes, files and logs of CI."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Self, TextIO

from store.models import JobRecord
from studio.commands.render import words
from studio.jobs.events import Event, Metrics, Progress, RecipeFigures, Token, Traffic
from widgets.safe import safe

_EVERY_SECONDS = 5.0


class Plain:
    """A line an event; progress and metrics at most one each in five seconds, and always the last one."""

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._clock = clock
        self._said: dict[type[Event], float] = {}
        self._held: dict[type[Event], str] = {}
        self._newest: dict[type[Event], str] = {}
        self._in_reply = False

    def __enter__(self) -> Self:
        """Begin; there is nothing to prepare."""
        return self

    def __exit__(self, *error: object) -> None:
        """Write the newest progress and metrics that were held back."""
        self._release()

    def show(self, event: Event, *, n: int | None = None, at: datetime | None = None) -> None:
        """Write the event's line, if it has one and it is time for it."""
        match event:
            case Progress():
                self._sometimes(event, words.progress(event), at_once=event.done == event.total)
            case Metrics():
                self._sometimes(event, words.metrics(event))
            case Traffic() if said := words.traffic(event):
                self._sometimes(event, said)
            case RecipeFigures():
                self._sometimes(event, words.recipe(event), at_once=event.made == event.wanted)
            case Token():
                self._in_reply = True
                self._out.write(safe(event.text))
                self._out.flush()
            case _:
                text = words.line(event)
                if text is not None:
                    self._release()
                    self._line(text)

    def began(self, record: JobRecord) -> None:
        """Write the job's id, by which it can be resumed."""
        self._line(f"job {safe(record.id)}")

    def note(self, text: str) -> None:
        """Write the text as a line of its own."""
        self._line(safe(text))

    def _sometimes(self, event: Event, text: str, *, at_once: bool = False) -> None:
        kind, now = type(event), self._clock()
        if self._newest.get(kind) == text:
            return
        self._newest[kind] = text
        if at_once or now - self._said.get(kind, float("-inf")) >= _EVERY_SECONDS:
            self._said[kind] = now
            self._held.pop(kind, None)
            self._line(text)
        else:
            self._held[kind] = text

    def _release(self) -> None:
        held, self._held = self._held, {}
        for text in held.values():
            self._line(text)

    def _line(self, text: str) -> None:
        if self._in_reply:
            self._out.write("\n")
            self._in_reply = False
        self._out.write(text + "\n")
        self._out.flush()
