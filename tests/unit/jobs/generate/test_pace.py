"""The pace follows what a server states, with a clock of the test's own."""

from __future__ import annotations

import pytest

from studio.jobs.generate.pace import FIRST_WIDTH, Limit, Pace, Usage, limits_of


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Server:
    """A bucket that refills evenly and tells what is left."""

    def __init__(self, clock: Clock, a_minute: float, capacity: float) -> None:
        self.clock, self.a_minute, self.capacity = clock, a_minute, capacity
        self.left, self.at, self.refused = capacity, clock.now, 0

    def take(self) -> dict[str, Limit]:
        self.left = min(self.capacity, self.left + (self.clock.now - self.at) * self.a_minute / 60)
        self.at = self.clock.now
        if self.left < 1:
            self.refused += 1
        else:
            self.left -= 1
        return {"requests": Limit(self.a_minute, int(self.left))}


def simulate(a_minute: float, capacity: float, seconds: float, latency: float = 1.0) -> tuple[float, int]:
    """Return the requests that were taken and those that were refused."""
    clock = Clock()
    server, pace = Server(clock, a_minute, capacity), Pace(clock=clock)
    end = clock.now + seconds
    flight: list[tuple[float, int, dict[str, Limit], bool]] = []
    taken = 0
    while clock.now < end:
        for back, number, limits, refused in [one for one in flight if one[0] <= clock.now]:
            flight.remove((back, number, limits, refused))
            if refused:
                pace.refused(number, limits, 60 / a_minute, overloaded=False)
            else:
                taken += 1
                pace.answered(number, limits, Usage(100, 100), latency)
        while pace.wait(len(flight)) == 0:
            before = server.refused
            limits = server.take()
            flight.append((clock.now + latency, pace.sent(), limits, server.refused > before))
        clock.now += 0.01
    return taken, server.refused


@pytest.mark.parametrize(("a_minute", "capacity"), [(1500, 50), (600, 600), (3000, 100), (60, 60), (1500, 5)])
def test_nearly_all_that_is_allowed_is_used(a_minute: float, capacity: float) -> None:
    seconds = 120.0
    taken, refused = simulate(a_minute, capacity, seconds)
    allowed = capacity + a_minute / 60 * (seconds - 1.0)
    # A tiny bucket refuses where the stream is not even to the millisecond; each is asked again.
    least = 0.95 if capacity > 10 else 0.85
    assert taken >= least * allowed
    assert refused <= 0.05 * taken


def test_before_a_word_from_the_server_there_are_few() -> None:
    pace = Pace()
    assert pace.width == FIRST_WIDTH
    assert pace.wait(FIRST_WIDTH) is None
    assert pace.wait(0) == 0


def test_a_persons_number_is_kept_to_whatever_the_server_allows() -> None:
    clock = Clock()
    pace = Pace(most=7, clock=clock)
    assert pace.width == 7
    pace.answered(pace.sent(), {"requests": Limit(6000, 6000)}, Usage(), 1.0)
    assert pace.width == 7
    pace.most = None
    assert pace.width > 100


def test_tokens_are_a_limit_too() -> None:
    clock = Clock()
    pace = Pace(clock=clock)
    limits = {"requests": Limit(6000, 6000), "output-tokens": Limit(6000, 100)}
    pace.answered(pace.sent(), limits, Usage(10, 1000), 1.0)
    # 1,000 tokens a request at 100 a second: one every ten seconds, and 900 are missing for the next.
    wait = pace.wait(0)
    assert wait is not None
    assert 8 <= wait <= 11
    clock.now += 10.2
    assert pace.wait(0) == 0


def test_a_pause_that_the_server_asks_for_is_everybodys() -> None:
    clock = Clock()
    pace = Pace(clock=clock)
    pace.refused(pace.sent(), {}, 30.0, overloaded=False)
    assert pace.wait(0) == 30.0
    clock.now += 30
    assert pace.wait(0) == 0


def test_an_overloaded_server_gets_fewer_and_slowly_more() -> None:
    pace = Pace(most=40)
    for _ in range(3):
        pace.refused(pace.sent(), {}, None, overloaded=True)
    assert pace.width == 5
    for _ in range(20):
        pace.answered(pace.sent(), {}, Usage(), 1.0)
    assert pace.width == 40


def test_the_last_minute_is_counted() -> None:
    clock = Clock()
    pace = Pace(clock=clock)
    for _ in range(10):
        pace.answered(pace.sent(), {}, Usage(20, 30), 1.0)
        clock.now += 10
    assert pace.requests_a_minute == 6
    assert pace.tokens_a_minute == 6 * 50


@pytest.mark.parametrize("value", ["", "nan", "-1", "inf", "many", "0"])
def test_headers_that_are_no_limits_are_none(value: str) -> None:
    headers = {"anthropic-ratelimit-requests-limit": value, "anthropic-ratelimit-requests-remaining": "3"}
    assert limits_of(headers) == {}
