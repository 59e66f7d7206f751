"""Tokens are drawn from those, and as often, as the parameters say."""

from __future__ import annotations

from collections import Counter

import pytest

from studio.lm.generate import sampler
from studio.lm.mlx import mx
from studio.lm.sampling import Sampling

PROBABILITIES = [0.4, 0.05, 0.3, 0.2, 0.05]


def drawn(sampling: Sampling, times: int = 4000) -> Counter[int]:
    mx.random.seed(3)
    rows = mx.log(mx.array([PROBABILITIES] * times))
    return Counter(sampler(sampling)(rows).tolist())


def test_zero_takes_the_likeliest() -> None:
    assert set(drawn(Sampling(temperature=0))) == {0}


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(temperature=1, top_p=1, top_k=0), PROBABILITIES),
        (Sampling(temperature=1, top_p=1, top_k=2), [0.4 / 0.7, 0, 0.3 / 0.7, 0, 0]),
        # 0.4 + 0.3 do not make up 0.75 yet, so the next one stays as well.
        (Sampling(temperature=1, top_p=0.75, top_k=0), [0.4 / 0.9, 0, 0.3 / 0.9, 0.2 / 0.9, 0]),
        # Of the two likeliest the first alone makes up half.
        (Sampling(temperature=1, top_p=0.5, top_k=2), [1, 0, 0, 0, 0]),
        (Sampling(temperature=0.5, top_p=1, top_k=2), [0.16 / 0.25, 0, 0.09 / 0.25, 0, 0]),
        (Sampling(temperature=1, top_p=1, top_k=99), PROBABILITIES),
    ],
)
def test_shares(sampling: Sampling, expected: list[float]) -> None:
    found = drawn(sampling)
    for token, share in enumerate(expected):
        assert found[token] / 4000 == pytest.approx(share, abs=0.03)


def test_rows_are_drawn_each_for_itself() -> None:
    rows = mx.log(mx.array([[0.98, 0.01, 0.01], [0.01, 0.01, 0.98]]))
    assert sampler(Sampling(temperature=0.1))(rows).tolist() == [0, 2]
