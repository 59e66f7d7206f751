"""How long is waited between attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.jobs.generate.teachers.faults import Backoff, retry_after_of

BACKOFF = Backoff()


@given(st.integers(0, 30), st.none() | st.floats(0, 1e9))
def test_waits_are_capped_and_never_shorter_than_asked(attempt: int, asked: float | None) -> None:
    seconds = BACKOFF.seconds(attempt, asked)
    assert 0 <= seconds <= BACKOFF.asked_most_seconds + BACKOFF.first_seconds
    assert seconds >= min(asked or 0, BACKOFF.asked_most_seconds)
    if asked is None:
        assert seconds <= min(60.0, 2**attempt)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("0.5", 0.5), (None, None), ("", None), ("-1", None), ("nan", None), ("inf", None),
     ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)  # fmt: skip
def test_a_header_that_is_no_number_of_seconds_asks_for_nothing(
    header: str | None, seconds: float | None
) -> None:
    assert retry_after_of({"retry-after": header} if header is not None else {}) == seconds
