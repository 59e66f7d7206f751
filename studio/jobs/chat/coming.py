"""A reply while it comes: what was thought, what was said, and when the first of each was there."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from studio.jobs.chat.thinking import Splitter
from studio.jobs.events import Event, Replied, Stage, Thought, Token

if TYPE_CHECKING:
    from ollama import ChatResponse


@dataclass
class Coming:
    """Takes the pieces of one reply and returns what is to be said about each."""

    model: str
    began: float = field(default_factory=time.monotonic)
    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    first_token: float | None = None
    """Seconds to the first token of the reply itself."""
    first_thought: float | None = None
    pieces: int = 0
    tokens: int | None = None
    """As the server counts them, once it has."""
    prompt_tokens: int | None = None
    eval_seconds: float = 0.0
    context_size: int | None = None
    cancelled: bool = False
    at_limit: bool = False
    _splitter: Splitter = field(default_factory=Splitter)

    @property
    def started(self) -> bool:
        """True once anything has come."""
        return self.pieces > 0

    def seconds(self) -> float:
        """Return the time since the question."""
        return time.monotonic() - self.began

    def take(self, content: str | None, thought: str | None = None) -> list[Event]:
        """Take in a piece."""
        events: list[Event] = []
        if content or thought:
            self.pieces += 1
        if thought:
            events += self._thought(thought)
        if content:
            for kind, part in self._splitter.take(content):
                events += self._thought(part) if kind == "thought" else self._said(part)
        return events

    def end(self) -> list[Event]:
        """Return what is still to be said when nothing more comes."""
        events: list[Event] = []
        for kind, part in self._splitter.rest():
            events += self._thought(part) if kind == "thought" else self._said(part)
        if self.thinking and self.first_token is None:
            events.append(self._thought_out())
        return events

    def ended(self, last: ChatResponse) -> None:
        """Take in the server's figures."""
        self.tokens = last.eval_count or self.pieces
        self.eval_seconds = (last.eval_duration or 0) / 1e9
        self.prompt_tokens = last.prompt_eval_count
        self.at_limit = last.done_reason == "length"

    def replied(self, *, tokens: int, tokens_per_second: float | None) -> Replied:
        """Return the reply as it is now."""
        return Replied(
            text="".join(self.text),
            model=self.model,
            tokens=tokens,
            tokens_per_second=tokens_per_second,
            first_token_seconds=self.first_token,
            cancelled=self.cancelled,
            thinking="".join(self.thinking),
            first_thought_seconds=self.first_thought,
            prompt_tokens=self.prompt_tokens,
            context_size=self.context_size,
            at_limit=self.at_limit,
        )

    def _thought(self, text: str) -> list[Event]:
        events: list[Event] = []
        if self.first_thought is None:
            self.first_thought = self.seconds()
            events.append(Stage(name="thinking", state="running"))
        self.thinking.append(text)
        return [*events, Thought(text=text)]

    def _said(self, text: str) -> list[Event]:
        events: list[Event] = []
        if self.first_token is None:
            self.first_token = self.seconds()
            if self.thinking:
                events.append(self._thought_out())
        self.text.append(text)
        return [*events, Token(text=text)]

    def _thought_out(self) -> Stage:
        return Stage(name="thinking", state="done", detail="".join(self.thinking))
