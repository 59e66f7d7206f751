"""Where a workspace stands: phases and gates, examples against targets, money, the last run and deployment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Literal, TypeVar

from store.database import Store
from store.models import Document, PreferencePair, Scorecard, Status, SuiteScore
from studio.config.persona import Persona, Phase

D = TypeVar("D", bound=Document)

GateState = Literal["open", "closed", "below", "reached", "passed", "done"]
"""`open`: no score yet and its turn; `closed`: its turn has not come; the others are the plan's."""

_LAST_PHASE = 6


@dataclass(frozen=True)
class CategoryCount:
    """Examples of one category; rejected ones are not among `have`."""

    category: str
    have: int
    target: int
    accepted: int
    decided: int


@dataclass(frozen=True)
class PhaseStanding:
    """A phase with its score so far, 0..1, and the score's 95 % interval."""

    name: str
    gate: float | None
    state: GateState
    mean: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Summary:
    """All of it."""

    categories: tuple[CategoryCount, ...]
    phases: tuple[PhaseStanding, ...]
    pending: int
    spent_usd: float
    last_run: str | None = None
    last_run_state: str = ""
    last_run_at: datetime | None = None
    deployed: str | None = None
    deployed_at: datetime | None = None
    mends: int = 0
    """Mended replies that wait for review: pairs on which, and on whose examples, nobody has decided."""


def summarize(store: Store, persona: Persona | None) -> Summary:
    """Return where the workspace stands; without a persona there are no phases and no targets."""
    run = _newest(store.training_runs)
    deployment = _newest(item for item in store.deployments if item.current)
    card = _newest(store.scorecards)
    return Summary(
        categories=_categories(store, persona),
        phases=phase_standings(persona, card) if persona else (),
        pending=store.counts.by_status.get(Status.PENDING, 0),
        spent_usd=sum(job.spent_usd for job in store.jobs),
        last_run=run.name if run else None,
        last_run_state=run.state if run else "",
        last_run_at=(run.ended_at or run.created_at) if run else None,
        deployed=deployment.tag if deployment else None,
        deployed_at=deployment.created_at if deployment else None,
        mends=sum(_waits(store, pair) for pair in store.pairs.find(status=Status.PENDING)),
    )


def _waits(store: Store, pair: PreferencePair) -> bool:
    parent = store.examples.get(pair.provenance.parent_id) if pair.provenance.parent_id else None
    return parent is None or parent.status is Status.PENDING


def phase_standings(persona: Persona, card: Scorecard | None) -> tuple[PhaseStanding, ...]:
    """Return every phase with its gate: the last subject of the newest scorecard is the one that counts.

    A phase's score is the mean of its suites, its interval theirs added in quadrature. Reached (the mean is at
    the gate) opens the next phase; passed (the interval's lower end is) earns the tick. The last phase counts
    each suite against its own target: min(1, score ÷ target).
    """
    scores = {score.suite: score for score in card.subjects[-1].suites} if card and card.subjects else {}
    standings: list[PhaseStanding] = []
    turn = True
    for phase in persona.phases:
        standing = _standing(phase, scores, turn)
        standings.append(standing)
        turn = turn and standing.state in {"reached", "passed", "done"}
    return tuple(standings)


def _standing(phase: Phase, scores: dict[str, SuiteScore], turn: bool) -> PhaseStanding:
    if phase.gate is None:
        return PhaseStanding(phase.name, None, "done" if scores else "open")
    found = [scores[name] for name in phase.suites if name in scores]
    if not found or len(found) < len(phase.suites):
        return PhaseStanding(phase.name, phase.gate, "open" if turn else "closed")
    if phase.id == _LAST_PHASE:
        found = [_against_target(score) for score in found]
    mean = sum(score.mean for score in found) / len(found)
    low = mean - sqrt(sum((score.mean - score.low) ** 2 for score in found)) / len(found)
    high = mean + sqrt(sum((score.high - score.mean) ** 2 for score in found)) / len(found)
    state: GateState = "passed" if low >= phase.gate else "reached" if mean >= phase.gate else "below"
    return PhaseStanding(phase.name, phase.gate, state, mean, max(0.0, low), min(1.0, high))


def _against_target(score: SuiteScore) -> SuiteScore:
    scale = score.target or 1.0
    parts = {name: min(1.0, getattr(score, name) / scale) for name in ("mean", "low", "high")}
    return score.model_copy(update=parts)


def _categories(store: Store, persona: Persona | None) -> tuple[CategoryCount, ...]:
    targets = dict(persona.targets) if persona else {}
    counts = store.counts
    names = [*targets, *(name for name in counts.by_category if name not in targets)]
    rows = []
    for name in names:
        by_status = counts.by_category_status.get(name, {})
        accepted = by_status.get(Status.ACCEPTED, 0)
        rejected = by_status.get(Status.REJECTED, 0)
        rows.append(
            CategoryCount(
                category=name,
                have=counts.by_category.get(name, 0) - rejected,
                target=targets.get(name, 0),
                accepted=accepted,
                decided=accepted + rejected,
            )
        )
    return tuple(rows)


def _newest(documents: Iterable[D]) -> D | None:
    return max(documents, key=lambda document: document.created_at, default=None)
