"""A sample: its size, its interval, and that the same seed draws the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.jobs.review.filters import Filter
from studio.jobs.review.sample import draw, sample_size, wilson


@pytest.mark.parametrize(
    ("margin", "population", "size"),
    [(0.05, 10**9, 385), (0.05, 3_000, 341), (0.10, 5_000, 95), (0.03, 100, 92), (0.05, 0, 0), (0.05, 1, 1)],
)
def test_size_is_cochrans(margin: float, population: int, size: int) -> None:
    assert sample_size(margin, population) == size


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Published values of Wilson's interval without continuity correction.
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)],
)
def test_interval_is_wilsons(successes: int, trials: int, low: float, high: float) -> None:
    share = wilson(successes, trials)
    assert (round(share.low, 4), round(share.high, 4)) == pytest.approx((low, high), abs=1e-4)


def test_nothing_decided_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 0.0, 1.0)


@given(st.integers(0, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_share_is_inside(case: tuple[int, int]) -> None:
    share = wilson(*case)
    assert 0 <= share.low <= share.mean <= share.high <= 1


def test_the_same_seed_draws_the_same_and_the_basis_says_what_it_rests_on() -> None:
    ids = [f"{number:032x}" for number in range(500)]
    sample = draw(ids, Filter(), 0.05, seed=3)
    assert sample == draw(list(reversed(ids)), Filter(), 0.05, seed=3)
    assert sample.ids != draw(ids, Filter(), 0.05, seed=4).ids
    assert len(set(sample.ids)) == len(sample.ids) == sample_size(0.05, 500)
    assert sample.basis(88, 100) == "sample: 88 of 100 accepted, 88% (80% to 93%), of 500, seed 3"
