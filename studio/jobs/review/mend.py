"""The teacher mends an example by a person's note; what comes back is a proposal, and nothing is changed by it."""

from __future__ import annotations

from dataclasses import dataclass

from store.models import Example, Message
from studio.config.persona import Persona
from studio.jobs.generate.parse import FORMAT, ReplyError, conversations
from studio.jobs.generate.prompt import Request
from studio.jobs.review.asking import Asker, NoAnswerError, as_json, glossary_of

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


class Mender:
    """Asks one teacher for mended examples."""

    def __init__(self, asker: Asker, persona: Persona) -> None:
        self.asker = asker
        self._persona = persona

    def most_usd(self, example: Example, note: str) -> float | None:
        """Return what mending this example can cost at most; 0 for a free teacher, None for an unknown price."""
        return self.asker.most_usd(self._request(example, note))

    async def propose(self, example: Example, note: str) -> Proposal:
        """Return the teacher's version.

        Raises:
            NoAnswerError: its answer is no version of this example.
            AttemptError: it does not answer.
            JobError: the server refuses for good.
        """
        self.asker.check(example)
        said = await self.asker.ask(self._request(example, note))
        try:
            messages = _with_system(example, conversations(said.text)[0])
        except ReplyError as error:
            raise NoAnswerError(str(error), said.cost_usd) from error
        return Proposal(messages, said.model, said.cost_usd)

    def _request(self, example: Example, note: str) -> Request:
        return Request(
            system=_SYSTEM.format(
                name=self._persona.name,
                persona=self._persona.system_prompt.strip(),
                glossary=glossary_of(self._persona),
            ).strip(),
            user=_USER.format(note=note.strip(), example=as_json(example), form=FORMAT),
        )


def _with_system(example: Example, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the mended turns behind the example's own system message.

    Raises:
        ReplyError: these are other turns than the example's, so it is another conversation.
    """
    system = tuple(message for message in example.messages if message.role == "system")
    roles = [message.role for message in example.messages if message.role != "system"]
    mended = tuple(message for message in messages if message.role != "system")
    if [message.role for message in mended] != roles[: len(mended)] or not mended:
        raise ReplyError("it has other turns than the example")
    if mended[-1].role != "assistant":
        raise ReplyError("it ends without a reply")
    if empty := next((n for n, message in enumerate(mended, 1) if not message.content.strip()), None):
        raise ReplyError(f"its turn {empty} is empty")
    return system + mended
