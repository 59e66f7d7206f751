"""Intervals hold what they promise."""

from __future__ import annotations

import random

import pytest

from studio.jobs.validate.statistics import mean_interval, paired_interval


def test_the_interval_surrounds_the_mean_and_is_the_same_each_time() -> None:
    scores = [0.0, 0.5, 1.0, 1.0, 0.5, 0.0, 1.0, 0.75]
    first, again = mean_interval(scores), mean_interval(scores)
    assert first == again
    assert first.low < first.mean == sum(scores) / len(scores) < first.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    draw = random.Random(7)
    covered = sum(
        interval.low <= 0.6 <= interval.high
        for interval in (mean_interval([float(draw.random() < 0.6) for _ in range(40)]) for _ in range(200))
    )
    # 95 % of 200 is 190; the percentile bootstrap is a little narrow at n = 40.
    assert 176 <= covered <= 199


def test_pairing_sees_a_small_gain_that_two_means_would_hide() -> None:
    before = [0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.15, 0.85]
    after = [value + 0.05 for value in before]
    gain = paired_interval(after, before)
    assert gain.low == pytest.approx(0.05)
    assert mean_interval(after).low < mean_interval(before).high


def test_a_constant_has_no_width() -> None:
    assert mean_interval([0.5] * 10) == mean_interval([0.5] * 10)
    assert mean_interval([0.5] * 10).low == mean_interval([0.5] * 10).high == 0.5


def test_nothing_has_no_mean() -> None:
    with pytest.raises(ValueError, match="at least one"):
        mean_interval([])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        paired_interval([1.0], [1.0, 0.0])
