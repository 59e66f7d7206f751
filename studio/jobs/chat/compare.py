"""Two models on one prompt: a person's verdict becomes a preference pair, and all verdicts together a score."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from store.models import Judgement, Message, PreferencePair, Provenance, Status
from studio.config.suites import Suite
from studio.jobs.chat.job import reply
from studio.jobs.chat.spec import LOCAL, Spec
from studio.jobs.events import Event
from studio.jobs.failure import failure
from studio.jobs.review.sample import Share, wilson
from studio.jobs.text import without_surrogates

if TYPE_CHECKING:
    import asyncio

    from store.database import Store
    from store.live import AsyncStore
    from studio.workspace import Workspace

Verdict = Literal["left", "right", "tie"]


@dataclass(frozen=True)
class Trial:
    """One prompt for two models, and on which side each stands."""

    prompt: tuple[Message, ...]
    left: str
    right: str
    blind: bool = False
    suite: str | None = None
    case_id: str | None = None


@dataclass(frozen=True)
class Standing:
    """How two models stand against each other after all verdicts on them."""

    wins: int
    losses: int
    ties: int

    @property
    def share(self) -> Share:
        """The first one's share of the decided trials with its 95 % interval; ties decide nothing."""
        return wilson(self.wins, self.wins + self.losses)


def trial(
    prompt: Sequence[Message],
    models: tuple[str, str],
    *,
    blind: bool,
    suite: str | None = None,
    case_id: str | None = None,
    chance: random.Random | None = None,
) -> Trial:
    """Return a trial; a blind one puts the models on either side by chance."""
    left, right = models
    if blind and (chance or random.SystemRandom()).random() < 0.5:
        left, right = right, left
    return Trial(tuple(prompt), left, right, blind, suite, case_id)


async def replies(
    asked: Trial,
    side: Literal["left", "right"],
    workspace: Workspace,
    store: AsyncStore,
    stop: asyncio.Event,
    *,
    host: str | None = None,
) -> AsyncGenerator[Event, None]:
    """Yield one side's reply as a chat's, `Failed` or `Replied` last."""
    spec = Spec(model=getattr(asked, side), messages=asked.prompt, host=host)
    try:
        async with aclosing(reply(spec, workspace, store, stop)) as events:
            async for event in events:
                yield event
    except Exception as error:  # whatever goes wrong on one side must not end the other
        yield failure(
            error,
            kept="The other side goes on.",
            to_do="Choose another model, or try again.",
            log_path=workspace.relative(workspace.logs),
        )


def judged(asked: Trial, left: str, right: str, verdict: Verdict) -> PreferencePair:
    """Return the pair that a verdict makes.

    What a person preferred is accepted; a tie prefers nothing, so that it counts for the score and is not learned
    from: it is stored as rejected. Judged again, the new verdict replaces the old one.

    Raises:
        ValueError: a reply is empty, or both are the same and one was preferred.
    """
    left, right = without_surrogates(left), without_surrogates(right)
    if not left.strip() or not right.strip():
        raise ValueError("both sides have to answer before one can be preferred")
    if left == right and verdict != "tie":
        raise ValueError("both replies are the same, so it is a tie")
    chosen, rejected = (right, left) if verdict == "right" else (left, right)
    winner = asked.right if verdict == "right" else asked.left
    # The same two replies make the same pair, on whichever side they stand.
    parts = [message.content for message in asked.prompt] + sorted((left, right))
    mark = sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
    return PreferencePair(
        id=mark,
        prompt=asked.prompt,
        chosen=chosen,
        rejected=rejected,
        status=Status.REJECTED if verdict == "tie" else Status.ACCEPTED,
        provenance=Provenance(
            teacher="person", model=winner, tag=None if winner.startswith(LOCAL) else winner
        ),
        judgement=Judgement(
            left=asked.left,
            right=asked.right,
            verdict=verdict,
            blind=asked.blind,
            suite=asked.suite,
            case_id=asked.case_id,
        ),
    )


def standing(pairs: Iterable[PreferencePair], model: str, against: str) -> Standing:
    """Return how `model` stands against another one."""
    wins = losses = ties = 0
    for pair in pairs:
        judgement = pair.judgement
        if judgement is None or {judgement.left, judgement.right} != {model, against}:
            continue
        if judgement.verdict == "tie":
            ties += 1
        elif getattr(judgement, judgement.verdict) == model:
            wins += 1
        else:
            losses += 1
    return Standing(wins, losses, ties)


def read_standing(store: Store, model: str, against: str) -> Standing:
    """Return how two models stand by all that the store has."""
    return standing(store.pairs, model, against)


def left_to_judge(pairs: Iterable[PreferencePair], suite: Suite, models: tuple[str, str]) -> list[str]:
    """Return the ids of a suite's cases on which these two have not been judged yet, in the suite's order."""
    done = {
        pair.judgement.case_id
        for pair in pairs
        if pair.judgement is not None
        and pair.judgement.suite == suite.name
        and {pair.judgement.left, pair.judgement.right} == set(models)
    }
    return [case.id for case in suite.cases if case.id not in done]
