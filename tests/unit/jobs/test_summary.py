"""Where a workspace stands: counts against targets, phases and their gates."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.database import Store
from store.models import (
    Example,
    JobRecord,
    Message,
    PreferencePair,
    Scorecard,
    Status,
    SubjectScores,
    SuiteScore,
)
from studio.config.persona import load_persona
from studio.jobs.summary import phase_standings, summarize
from studio.workspace import default_content

PERSONA = load_persona(default_content() / "persona.toml")


def card(**means: float) -> Scorecard:
    suites = tuple(
        SuiteScore(
            suite=name.replace("_", "-"), target=0.9, cases=10, mean=mean, low=mean - 0.04, high=mean + 0.04
        )
        for name, mean in means.items()
    )
    return Scorecard(subjects=(SubjectScores(subject="r1 best", suites=suites, results=()),))


def states(scores: Scorecard | None) -> list[str]:
    return [standing.state for standing in phase_standings(PERSONA, scores)]


def test_before_the_first_scorecard_only_the_first_phase_is_open() -> None:
    assert states(None) == ["open", "closed", "closed", "closed", "closed", "closed"]


@pytest.mark.parametrize(("mean", "state"), [(0.70, "below"), (0.76, "reached"), (0.85, "passed")])
def test_a_gate(mean: float, state: str) -> None:
    found = phase_standings(PERSONA, card(technical=mean, consciousness=mean))[1]
    assert found.state == state
    assert found.mean == pytest.approx(mean)
    # Two suites of ±4 points give ±4/√2.
    assert found.high is not None
    assert found.high - mean == pytest.approx(0.04 / 2**0.5)


def test_reached_opens_the_next_phase_and_below_does_not() -> None:
    assert states(card(technical=0.76, consciousness=0.76))[2] == "open"
    assert states(card(technical=0.5, consciousness=0.5))[2] == "closed"


def test_a_phase_needs_all_of_its_suites() -> None:
    assert states(card(technical=0.9))[1] == "open"


def test_the_last_phase_counts_against_the_targets() -> None:
    names = ("personality", "technical", "bilingual", "consciousness", "conversation", "adaptation")
    last = phase_standings(PERSONA, card(**dict.fromkeys(names, 0.81)))[-1]
    assert last.mean == pytest.approx(0.81 / 0.9)


def test_summary(tmp_path: Path) -> None:
    def example(status: Status, category: str) -> Example:
        return Example(messages=(Message(role="user", content="x"),), category=category, status=status)

    with Store.open(tmp_path / "db") as store, store.transaction():
        store.examples.put_many(
            [
                example(Status.ACCEPTED, "turkish"),
                example(Status.REJECTED, "turkish"),
                example(Status.PENDING, "turkish"),
                example(Status.PENDING, "own"),
            ]
        )
        store.jobs.put(JobRecord(kind="generate", folder="x", spent_usd=1.25))
        store.pairs.put(PreferencePair(prompt=(), chosen="a", rejected="b"))
        found = summarize(store, PERSONA)
        without = summarize(store, None)
    rows = {row.category: row for row in found.categories}
    turkish = rows["turkish"]
    assert (turkish.have, turkish.target, turkish.accepted, turkish.decided) == (2, 3000, 1, 2)
    assert (rows["own"].have, rows["own"].target) == (1, 0)
    assert (found.pending, found.spent_usd, found.mends) == (2, 1.25, 1)
    assert without.phases == ()
    assert {row.target for row in without.categories} == {0}
