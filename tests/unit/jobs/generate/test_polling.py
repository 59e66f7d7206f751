"""How often a batch is looked at: soon at first, more seldom as it ages, never before the server wants it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from studio.jobs.generate.teachers.polling import Polls
from studio.jobs.generate.teachers.submitted import Submitted

MARGIN = 5.0
"""Seconds that a test may take beside what it measures."""


def batch(age: timedelta = timedelta(), key: str = "b1") -> Submitted:
    return Submitted(key, ("u",), datetime.now(UTC) - age, "msgbatch_1")


@pytest.mark.parametrize(
    ("age", "pause"),
    [
        (timedelta(seconds=20), 10.0),
        (timedelta(minutes=10), 60.0),
        (timedelta(minutes=30), 180.0),
        (timedelta(days=1), 300.0),
    ],
)
def test_the_pause_grows_with_the_age(age: timedelta, pause: float) -> None:
    polls = Polls(10.0, 300.0)
    one = batch(age)
    assert polls.due(one), "one that is older than the first pause is looked at when a job goes on"
    polls.looked(one)
    assert not polls.due(one)
    assert pause * 0.9 - MARGIN <= polls.seconds([one]) <= pause * 1.1 + MARGIN


def test_a_new_one_is_left_alone_at_first() -> None:
    polls = Polls(10.0, 300.0)
    assert not polls.due(batch())
    assert 10.0 - MARGIN <= polls.seconds([batch()]) <= 10.0


def test_pauses_differ_so_that_not_all_come_together() -> None:
    polls = Polls(10.0, 300.0)
    batches = [batch(timedelta(hours=2), key=f"b{number}") for number in range(20)]
    for one in batches:
        polls.looked(one)
    assert len({round(polls.seconds([one]), 1) for one in batches}) > 5


def test_the_server_is_heard_but_not_for_ever() -> None:
    polls = Polls(10.0, 300.0)
    one = batch()
    polls.looked(one, retry_after=1_000.0)
    assert 1_000.0 - MARGIN <= polls.seconds([one]) <= 1_000.0
    polls.looked(one, retry_after=1e9)
    assert polls.seconds([one]) <= 3_600.0


def test_one_that_something_was_asked_of_is_looked_at_soon() -> None:
    polls = Polls(10.0, 300.0)
    old = batch(timedelta(days=1))
    polls.looked(old)
    polls.soon(old)
    assert polls.seconds([old]) <= 10.0


def test_the_next_look_is_at_the_first_that_is_due() -> None:
    polls = Polls(10.0, 300.0)
    old, new = batch(timedelta(days=1), "old"), batch(key="new")
    polls.looked(old)
    assert polls.seconds([old, new]) <= 10.0
