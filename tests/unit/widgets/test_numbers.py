"""Numbers as people read them, and curves thinned to what a chart can show."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets import format as form
from widgets.loss_history import LossHistory, round_ticks, smoothed, thinned

POINTS = st.lists(st.floats(0, 10), min_size=1, max_size=500).map(
    lambda losses: [(float(step), loss) for step, loss in enumerate(losses)]
)


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (form.duration(20_160), "5 h 36 m"),
        (form.duration(59.6), "1 m 00 s"),
        (form.duration(0), "0 s"),
        (form.duration(200_000), "2 d 7 h"),
        (form.money(6.1), "$6.10"),
        (form.money(0.0031), "$0.0031"),
        (form.money(0), "$0.00"),
        (form.share(1, 0), "—"),
        (form.share(61, 100), "61 %"),
        (form.size(269 * 1024**2), "269 MB"),
        (form.size(1.4 * 1024**3), "1.4 GB"),
        (form.rate(38 / 60, ""), "38/min"),
        (form.rate(304, "tokens"), "304 tokens/s"),
        (form.count(17_000), "17,000"),
    ],
)
def test_format(made: str, shown: str) -> None:
    assert made == shown


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.integers(0, 200))
def test_a_bar_is_as_wide_as_it_shall_be(done: float, total: float, width: int) -> None:
    assert len(form.bar(done, total, width)) == width


@given(POINTS, st.integers(2, 100))
def test_thinning_keeps_the_end_the_order_and_the_range(points: list[tuple[float, float]], most: int) -> None:
    made = thinned(points, most)
    assert len(made) <= max(most, 1)
    assert made[-1] == points[-1]
    assert [x for x, _ in made] == sorted(x for x, _ in made)
    losses = [y for _, y in points]
    assert all(min(losses) - 1e-9 <= y <= max(losses) + 1e-9 for _, y in made)


@given(POINTS)
def test_smoothing_stays_within_what_was_seen(points: list[tuple[float, float]]) -> None:
    losses = [y for _, y in points]
    made = smoothed(points)
    assert made[0][1] == pytest.approx(losses[0])
    assert all(min(losses) - 1e-6 <= y <= max(losses) + 1e-6 for _, y in made)


def test_a_resumed_run_says_steps_again_and_the_newer_word_counts() -> None:
    history = LossHistory()
    for step, loss in ((1, 3.0), (2, 2.5), (3, 2.0), (2, 2.4), (3, 1.9)):
        history.add(step, loss, None)
    assert history.train == [(1.0, 3.0), (2.0, 2.4), (3.0, 1.9)]


def test_what_is_no_number_is_not_drawn() -> None:
    history = LossHistory()
    history.add(1, math.nan, math.inf)
    history.add(2, None, 1.5)
    assert (history.train, history.valid, history.best) == ([], [(2.0, 1.5)], (2.0, 1.5))


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_are_within_and_few(low: float, span: float, most: int) -> None:
    ticks = round_ticks(low, low + span, most)
    slack = span * 1e-6
    assert 1 <= len(ticks) <= most + 1
    assert all(low - slack <= tick <= low + span + slack for tick in ticks)
