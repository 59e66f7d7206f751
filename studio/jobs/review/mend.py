"""The teacher mends an example by a person's note; what comes back is a proposal, and nothing is changed by it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.models import Example, Message
from studio.config.persona import Persona
from studio.config.settings import Settings
from studio.jobs.events import JobError
from studio.jobs.generate.order import Spec
from studio.jobs.generate.parse import FORMAT, ReplyError, conversations
from studio.jobs.generate.pricing import cost_usd, worst_case_usd
from studio.jobs.generate.prompt import Request
from studio.jobs.generate.teachers.account import Account, account
from studio.jobs.generate.teachers.faults import AttemptError, Backoff

if TYPE_CHECKING:
    from studio.jobs.generate.teachers.messages import MessagesServer

MAX_TOKENS = 4_096
"""Of one mended example."""

_SYSTEM = """\
You mend one training example of the persona {name} as a reviewer asks. Change what the note asks for and nothing \
else: keep the turns, their roles, their order, their languages and whatever the note does not speak of. The persona:

{persona}

{glossary}"""
_USER = """\
The reviewer's note: {note}

The example:
{example}

Return the whole example, mended, as the only one.

{form}"""


class MendError(Exception):
    """The teacher's answer is no mended example; the message says why, for people."""


@dataclass(frozen=True)
class Proposal:
    """What the teacher made of an example."""

    messages: tuple[Message, ...]
    model: str
    cost_usd: float | None
    """None where the price is not known; 0 where the teacher costs nothing."""

    @property
    def who(self) -> str:
        """The author of the edit, if it is accepted."""
        return f"teacher {self.model}"


def teacher_spec(settings: Settings, *, has_key: bool) -> Spec:
    """Return who mends: the settings' teacher, otherwise Claude where there is a key.

    Raises:
        JobError: there is nobody who can.
    """
    chosen = settings.teacher_with(has_key=has_key)
    if chosen == "offline":
        raise JobError(
            "The offline teacher knows only its own examples and cannot mend.",
            kept="The example is as it was.",
            to_do='Set an API key (K), or teacher and model in settings.toml: teacher = "ollama".',
        )
    return Spec(teacher=chosen, model=settings.model, base_url=settings.base_url, max_tokens=MAX_TOKENS)


class Mender:
    """Asks one teacher, one attempt after the other, with what its server wants waited for."""

    def __init__(
        self, spec: Spec, persona: Persona, backoff: Backoff | None = None, *, request_seconds: float = 300.0
    ) -> None:
        """Make the connection.

        Raises:
            JobError: the key or the model's name is missing.
        """
        from studio.jobs.generate.teachers.messages import MessagesServer

        self.account: Account = account(spec)
        self._persona = persona
        self._backoff = backoff or Backoff(tries=4)
        self._server: MessagesServer = MessagesServer(
            self.account, max_tokens=MAX_TOKENS, request_seconds=request_seconds
        )

    async def close(self) -> None:
        """Close the connection."""
        await self._server.close()

    def most_usd(self, example: Example, note: str) -> float | None:
        """Return what mending this example can cost at most; 0 for a free teacher, None for an unknown price."""
        if not self.account.paid:
            return 0.0
        asked = self._request(example, note)
        return worst_case_usd(self.account.model, asked.system + asked.user, MAX_TOKENS)

    async def propose(self, example: Example, note: str) -> Proposal:
        """Return the teacher's version.

        Raises:
            MendError: its answer is no version of this example.
            AttemptError: it does not answer.
            JobError: the server refuses for good.
        """
        asked = self._request(example, note)
        for attempt in range(self._backoff.tries):
            try:
                reply = await self._server.ask(asked)
                break
            except AttemptError as error:
                if error.final is not None:
                    raise error.final from error
                if attempt == self._backoff.tries - 1:
                    raise
                await asyncio.sleep(self._backoff.seconds(attempt, error.retry_after))
        cost = (
            cost_usd(
                self.account.model,
                reply.input_tokens,
                reply.output_tokens,
                cache_write_tokens=reply.cache_write_tokens,
                cache_read_tokens=reply.cache_read_tokens,
            )
            if self.account.paid
            else 0.0
        )
        if reply.fault:
            raise MendError(reply.fault)
        try:
            messages = conversations(reply.text)[0]
        except ReplyError as error:
            raise MendError(str(error)) from error
        return Proposal(_with_system(example, messages), reply.model, cost)

    def _request(self, example: Example, note: str) -> Request:
        turns = [
            {"role": message.role, "content": message.content}
            for message in example.messages
            if message.role != "system"
        ]
        glossary = "\n".join(f"- {entry.term}: {entry.meaning.strip()}" for entry in self._persona.glossary)
        return Request(
            system=_SYSTEM.format(
                name=self._persona.name,
                persona=self._persona.system_prompt.strip(),
                glossary=f"Its glossary:\n{glossary}" if glossary else "",
            ).strip(),
            user=_USER.format(
                note=note.strip(),
                example=json.dumps({"messages": turns}, ensure_ascii=False, indent=1),
                form=FORMAT,
            ),
        )


def _with_system(example: Example, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the mended turns behind the example's own system message.

    Raises:
        MendError: these are other turns than the example's, so it is another conversation.
    """
    system = tuple(message for message in example.messages if message.role == "system")
    roles = [message.role for message in example.messages if message.role != "system"]
    mended = tuple(message for message in messages if message.role != "system")
    if [message.role for message in mended] != roles[: len(mended)] or not mended:
        raise MendError("it has other turns than the example")
    if mended[-1].role != "assistant":
        raise MendError("it ends without a reply")
    if empty := next((n for n, message in enumerate(mended, 1) if not message.content.strip()), None):
        raise MendError(f"its turn {empty} is empty")
    return system + mended
