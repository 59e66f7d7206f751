"""Asking a teacher about one example after the other: its server's faults waited for, its price known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.models import Example
from studio.config.persona import Persona
from studio.config.settings import Settings
from studio.jobs.events import JobError
from studio.jobs.generate.order import Spec
from studio.jobs.generate.pricing import Prices
from studio.jobs.generate.prompt import Request
from studio.jobs.generate.teachers.account import Account, account
from studio.jobs.generate.teachers.faults import Backoff
from studio.jobs.generate.teachers.patient import few_times, persist

if TYPE_CHECKING:
    from studio.jobs.generate.teachers.messages import MessagesServer


class NoAnswerError(Exception):
    """The teacher's answer is not what was asked for; the message says why, for people."""

    def __init__(self, message: str, cost_usd: float | None = None) -> None:
        super().__init__(message)
        self.cost_usd = cost_usd
        """What the answer cost all the same; None where that is not known."""


@dataclass(frozen=True)
class Said:
    """A whole answer."""

    text: str
    model: str
    cost_usd: float | None
    """None where the price is not known; 0 where the teacher costs nothing."""


def teacher_spec(settings: Settings, *, has_key: bool, max_tokens: int) -> Spec:
    """Return who is asked: the settings' teacher, otherwise Claude where there is a key.

    Raises:
        JobError: there is nobody who can be.
    """
    chosen = settings.teacher_with(has_key=has_key)
    if chosen == "offline":
        raise JobError(
            "The offline teacher knows only its own examples: it cannot mend and cannot judge.",
            kept="The example is as it was.",
            to_do='Set an API key (K), or teacher and model in settings.toml: teacher = "ollama".',
        )
    return Spec(teacher=chosen, model=settings.model, base_url=settings.base_url, max_tokens=max_tokens)


class Asker:
    """A connection to one teacher."""

    def __init__(
        self,
        spec: Spec,
        prices: Prices | None = None,
        *,
        backoff: Backoff | None = None,
        request_seconds: float = 300.0,
    ) -> None:
        """Make the connection; without `prices` only the built-in list is known.

        Raises:
            JobError: the key or the model's name is missing.
        """
        from studio.jobs.generate.teachers.messages import MessagesServer
        from studio.jobs.generate.teachers.pricetag import PriceTag

        self.account: Account = account(spec, prices)
        self._price = PriceTag(self.account, max_tokens=spec.max_tokens)
        self._backoff = backoff or Backoff(tries=4)
        self._server: MessagesServer = MessagesServer(
            self.account, max_tokens=spec.max_tokens, request_seconds=request_seconds
        )

    def must_be_priced(self) -> None:
        """Refuse a teacher of whom nobody knows what a request costs; a free one's costs nothing.

        Raises:
            JobError: no limit of money can be held.
        """
        if self.account.paid and not self.account.prices.known(self.account.model):
            raise JobError(
                f"The price of {self.account.model} is not known, so no limit can be held.",
                kept="All examples.",
                to_do="State its price in data/prices.toml, or choose another model, or Ollama, in settings.toml.",
            )

    async def close(self) -> None:
        """Close the connection."""
        await self._server.close()

    def most_usd(self, request: Request) -> float | None:
        """Return what a request can cost at most; 0 for a free teacher, None for an unknown price."""
        return self._price.most(request)

    def check(self, example: Example) -> None:
        """Refuse to show an example to a server that may not see it.

        Raises:
            NoAnswerError: its source stays on this machine, and the server is another one.
        """
        if example.provenance.local_only and self.account.remote:
            raise NoAnswerError("its source stays on this machine (local_only in sources.toml)", 0.0)

    async def ask(self, request: Request) -> Said:
        """Return the answer.

        Raises:
            NoAnswerError: it was refused or cut off.
            AttemptError: the server does not answer.
            JobError: the server refuses for good.
        """
        # Asking again could be paid for twice, and the caller counts each question once.
        after = few_times(self._backoff, pay_twice=not self.account.paid)
        reply = await persist(lambda: self._server.ask(request), after)
        cost = self._price.real(reply, request) if self.account.paid else 0.0
        if reply.fault:
            raise NoAnswerError(reply.fault, cost)
        return Said(reply.text, reply.model, cost)


def glossary_of(persona: Persona) -> str:
    """Return the persona's glossary with a heading; empty where it has none."""
    lines = "\n".join(f"- {entry.term}: {entry.meaning.strip()}" for entry in persona.glossary)
    return f"Its glossary:\n{lines}" if lines else ""


def as_json(example: Example) -> str:
    """Return an example's turns as a teacher is shown them, without its system message."""
    turns = [
        {"role": message.role, "content": message.content}
        for message in example.messages
        if message.role != "system"
    ]
    return json.dumps({"messages": turns}, ensure_ascii=False, indent=1)
