"""The teacher as a judge: how good one example is to train on, as a score by which a reviewer's list is ordered.

One score with a reason asked for before it, by fixed questions, as in G-Eval (https://arxiv.org/abs/2303.16634).
A judge helps a person to begin with the worst; it decides on nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from store.models import Example, Rating, words_digest
from studio.config.persona import Persona
from studio.jobs.generate.parse import ReplyError, loaded
from studio.jobs.generate.prompt import Request
from studio.jobs.review.asking import Asker, NoAnswerError, as_json, glossary_of
from studio.jobs.text import without_surrogates

MAX_TOKENS = 1_024
"""Of one judgement; a teacher that thinks first needs most of it."""
BEST = 10

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "score": {"type": "integer"}},
    "required": ["reason", "score"],
    "additionalProperties": False,
}
_SYSTEM = """\
You judge training examples of the persona {name}. The persona:

{persona}

{glossary}"""
_USER = """\
How good is this example to train the persona on? Look at its replies: are they right, in the language that was asked \
in and natural in it, in the persona's voice, and as long as they need to be? 1 is harmful, 5 is mediocre, 10 could \
not be better.

The example:
{example}

Return only JSON of this form: {{"reason": "one short sentence, the worst fault first", "score": 1}}"""


class _Verdict(BaseModel):
    model_config = ConfigDict(extra="ignore")
    reason: str = ""
    score: float = Field(ge=1, le=BEST)


@dataclass(frozen=True)
class Judged:
    """A rating and what it cost."""

    rating: Rating
    cost_usd: float | None


class Judge:
    """Asks one teacher for ratings."""

    def __init__(self, asker: Asker, persona: Persona) -> None:
        self._asker = asker
        self._persona = persona

    def most_usd(self, example: Example) -> float | None:
        """Return what judging this example can cost at most; 0 for a free teacher, None for an unknown price."""
        return self._asker.most_usd(self._request(example))

    async def judge(self, example: Example) -> Judged:
        """Return the teacher's rating, its score in 0..1.

        Raises:
            NoAnswerError: the answer holds no score of 1 to 10.
            AttemptError: it does not answer.
            JobError: the server refuses for good.
        """
        self._asker.check(example)
        said = await self._asker.ask(self._request(example))
        try:
            verdict = _Verdict.model_validate(loaded(said.text))
        except (ReplyError, ValidationError) as error:
            raise NoAnswerError("the answer holds no score of 1 to 10", said.cost_usd) from error
        rating = Rating(
            score=(verdict.score - 1) / (BEST - 1),
            reason=without_surrogates(verdict.reason[:500]),
            model=said.model,
            of=words_digest((message.role, message.content) for message in example.messages),
        )
        return Judged(rating, said.cost_usd)

    def _request(self, example: Example) -> Request:
        return Request(
            system=_SYSTEM.format(
                name=self._persona.name,
                persona=self._persona.system_prompt.strip(),
                glossary=glossary_of(self._persona),
            ).strip(),
            user=_USER.format(example=as_json(example)),
            schema=_SCHEMA,
        )
