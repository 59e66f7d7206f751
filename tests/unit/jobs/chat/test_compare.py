"""Verdicts on two models: pairs, sides by chance, and a running score with its interval."""

from __future__ import annotations

import asyncio
import random

import pytest

from store.live import AsyncStore
from store.models import Message, Status
from studio.config.suites import load_suite
from studio.jobs.chat.compare import Trial, judged, left_to_judge, replies, standing, trial
from studio.jobs.events import Failed, Replied
from studio.workspace import Workspace
from tests.fixtures.ollama import free_port
from tests.fixtures.replayer import last, piece, replaying

PROMPT = (Message(role="user", content="Kimsin?"),)
A, B = "jessy:r2", "local:base"


def test_a_verdict_is_an_accepted_pair_and_a_tie_is_not_learned_from() -> None:
    asked = Trial(PROMPT, A, B, blind=True, suite="personality", case_id="p-001")

    left = judged(asked, "Ben JESSY", "I am SmolLM", "left")
    right = judged(asked, "Ben JESSY", "I am SmolLM", "right")
    tie = judged(asked, "Ben JESSY", "I am SmolLM", "tie")

    assert (left.chosen, left.rejected, left.status) == ("Ben JESSY", "I am SmolLM", Status.ACCEPTED)
    assert (right.chosen, right.provenance.model, right.provenance.tag) == ("I am SmolLM", B, None)
    assert left.provenance.tag == A
    assert tie.status is Status.REJECTED
    assert left.id == right.id == tie.id
    assert left.judgement is not None
    assert (left.judgement.blind, left.judgement.case_id) == (True, "p-001")


@pytest.mark.parametrize(("left", "right"), [("", "x"), ("x", " \n"), ("x", "x")])
def test_nothing_can_be_preferred_where_there_is_no_choice(left: str, right: str) -> None:
    with pytest.raises(ValueError, match=r"both"):
        judged(Trial(PROMPT, A, B), left, right, "left")


def test_the_score_counts_by_model_not_by_side() -> None:
    pairs = [
        judged(Trial(PROMPT, *sides), f"l{n}", f"r{n}", verdict)  # type: ignore[arg-type]
        for n, (sides, verdict) in enumerate(
            [((A, B), "left"), ((B, A), "right"), ((B, A), "left"), ((A, B), "tie"), ((A, "other"), "left")]
        )
    ]

    score = standing(pairs, A, B)
    assert (score.wins, score.losses, score.ties) == (2, 1, 1)
    assert score.share.low < 2 / 3 < score.share.high
    assert (standing(pairs, B, A).wins, standing(pairs, B, A).losses) == (1, 2)
    assert standing([], A, B).share == (0.0, 0.0, 1.0)


def test_blind_sides_come_by_chance_and_open_ones_as_they_are_given() -> None:
    chance = random.Random(1)
    sides = {trial(PROMPT, (A, B), blind=True, chance=chance).left for _ in range(50)}

    assert sides == {A, B}
    assert trial(PROMPT, (A, B), blind=False).left == A


def test_a_suite_goes_on_where_it_was_left(workspace: Workspace) -> None:
    suite = load_suite(workspace.suites / "personality.toml")
    first, second = (case.id for case in suite.cases[:2])
    pair = judged(Trial(PROMPT, B, A, suite="personality", case_id=first), "a", "b", "tie")

    assert left_to_judge([pair], suite, (A, B))[0] == second
    assert left_to_judge([pair], suite, (A, "other"))[0] == first


async def test_one_side_that_fails_does_not_end_the_other(workspace: Workspace, store: AsyncStore) -> None:
    stop = asyncio.Event()
    asked = Trial(PROMPT, "replayed", "replayed")
    async with replaying(piece("Selam"), last(tokens=1, seconds=1)) as server:
        good = [event async for event in replies(asked, "left", workspace, store, stop, host=server.host)]
        closed = f"http://127.0.0.1:{free_port()}"
        bad = [event async for event in replies(asked, "right", workspace, store, stop, host=closed)]

    assert isinstance(good[-1], Replied)
    assert isinstance(bad[-1], Failed)
