"""How fast a server is asked: as fast as its rate-limit headers allow, slower where it says that it is too much."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Clock = Callable[[], float]

WINDOW_SECONDS = 60.0
"""Limits are by the minute, and so is what the screen shows."""
FIRST_WIDTH = 4
"""Requests at a time before the server has said what it allows, and for one that says nothing."""
MOST_WIDTH = 256
_SLACK = 1.4
"""More requests at a time than rate × latency needs, since no latency is like the other."""
_STEADY = 0.99
"""Of the limit, at which an even stream is sent whatever the server says is left."""
_LATE = 0.25
"""Seconds by which an even stream may be late and make up for it: no loop is exact to the millisecond."""
_SMOOTH = 0.1
"""Weight of the newest value in a running mean."""

KINDS = ("requests", "input-tokens", "output-tokens", "tokens")
"""What servers limit, as it stands in their headers: `anthropic-ratelimit-<kind>-limit` and `-remaining`."""


@dataclass(frozen=True)
class Limit:
    """One limit as a server stated it."""

    a_minute: float
    remaining: float


@dataclass(frozen=True)
class Usage:
    """What a request took of the limits."""

    input_tokens: int = 0
    """Those read from the cache do not count."""
    output_tokens: int = 0


Limits = Mapping[str, Limit]
"""By kind; empty for a server that states none."""


def limits_of(headers: Mapping[str, str]) -> dict[str, Limit]:
    """Return the limits that an answer's headers state; what is no number is left out."""
    found = {}
    for kind in KINDS:
        a_minute = _number(headers.get(f"anthropic-ratelimit-{kind}-limit"))
        remaining = _number(headers.get(f"anthropic-ratelimit-{kind}-remaining"))
        if a_minute is not None and remaining is not None and a_minute > 0:
            found[kind] = Limit(a_minute, remaining)
    return found


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


@dataclass
class _Bucket:
    """A limit that refills evenly, as far as its last headers and what was sent since then tell."""

    a_minute: float
    remaining: float
    heard_at: float
    heard_of: int
    """Number of the request whose answer told it."""
    cost: float
    """Of one request, the mean of what was seen."""
    even_at: float = 0.0
    """When an even stream at the limit has its next place."""

    @property
    def a_second(self) -> float:
        return self.a_minute / WINDOW_SECONDS

    def wait(self, now: float, sent: int) -> float:
        """Return the seconds until one more request fits."""
        left = min(self.a_minute, self.remaining + self.a_second * (now - self.heard_at))
        # The answer's request and those before it are in `remaining`; the later ones may be.
        short = self.cost - (left - (sent - self.heard_of) * self.cost)
        if short <= 0:
            return 0.0
        return max(0.0, min(short / self.a_second, self.even_at - now))

    def take(self, now: float) -> None:
        self.even_at = max(self.even_at, now - _LATE) + self.cost / (self.a_second * _STEADY)


@dataclass
class Pace:
    """Decides when the next request may go, and counts what went in the last minute."""

    most: int | None = None
    """The person's own limit of requests at a time; None follows the server."""
    clock: Clock = time.monotonic
    latency: float = 1.0
    """Seconds from a request to its answer, a running mean."""
    held_until: float = 0.0
    """Nothing is sent before: the server asked for a pause."""
    _care: float = 1.0
    """Share of the width that is used; halved when a server is overloaded, slowly given back."""
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _sent: int = 0
    _answers: int = 0
    _requests: deque[float] = field(default_factory=deque)
    _tokens: deque[tuple[float, int]] = field(default_factory=deque)
    _tokens_sum: int = 0

    @property
    def width(self) -> int:
        """Requests at a time, at most."""
        if self._buckets:
            rates = [bucket.a_second / bucket.cost for bucket in self._buckets.values() if bucket.cost > 0]
            needed = min(rates, default=0.0) * self.latency * _SLACK + FIRST_WIDTH
            width = min(MOST_WIDTH, math.ceil(needed))
        else:
            width = FIRST_WIDTH
        if self.most is not None:
            # A person's number is what they get where the server states no limits.
            width = min(self.most, width) if self._buckets else self.most
        return max(1, int(width * self._care))

    def wait(self, in_flight: int) -> float | None:
        """Return the seconds until the next request may go, 0 for now; None until one comes home."""
        if in_flight >= self.width:
            return None
        now = self.clock()
        waits = [bucket.wait(now, self._sent) for bucket in self._buckets.values()]
        return max(self.held_until - now, max(waits, default=0.0), 0.0)

    def sent(self) -> int:
        """Note that a request goes out; return its number, from 1."""
        now = self.clock()
        self._sent += 1
        self._requests.append(now)
        for bucket in self._buckets.values():
            bucket.take(now)
        self._trim(now)
        return self._sent

    def answered(self, number: int, limits: Limits, usage: Usage, seconds: float) -> None:
        """Note the answer to a request, what it took and how long it was under way."""
        now = self.clock()
        self._answers += 1
        weight = max(_SMOOTH, 1 / self._answers)
        self.latency += weight * (seconds - self.latency)
        self._care = min(1.0, self._care + 0.05)
        tokens = usage.input_tokens + usage.output_tokens
        self._tokens.append((now, tokens))
        self._tokens_sum += tokens
        costs = {
            "requests": 1.0,
            "input-tokens": float(usage.input_tokens),
            "output-tokens": float(usage.output_tokens),
            "tokens": float(tokens),
        }
        self._learn(number, limits, costs, now, weight)
        self._trim(now)

    def refused(self, number: int, limits: Limits, retry_after: float | None, *, overloaded: bool) -> None:
        """Note that the server refused a request for now; `overloaded` where it was not a limit of ours."""
        now = self.clock()
        if retry_after:
            self.held_until = max(self.held_until, now + retry_after)
        if overloaded or not limits:
            # Without a word on limits, fewer at a time is all that can be done.
            self._care = max(0.05, self._care / 2)
        self._learn(number, limits, {}, now, 0.0)

    def _learn(
        self, number: int, limits: Limits, costs: Mapping[str, float], now: float, weight: float
    ) -> None:
        for kind, limit in limits.items():
            bucket = self._buckets.get(kind)
            if bucket is None:
                cost = costs.get(kind, 1.0)
                even_at = now + cost * WINDOW_SECONDS / limit.a_minute
                bucket = _Bucket(limit.a_minute, limit.remaining, now, number, cost, even_at)
                self._buckets[kind] = bucket
            elif number >= bucket.heard_of:
                bucket.a_minute, bucket.remaining = limit.a_minute, limit.remaining
                bucket.heard_at, bucket.heard_of = now, number
            if kind in costs:
                bucket.cost += weight * (costs[kind] - bucket.cost)

    # --- What the screen shows ------------------------------------------------------------------------------

    @property
    def requests_a_minute(self) -> int:
        """Requests of the last minute."""
        self._trim(self.clock())
        return len(self._requests)

    @property
    def tokens_a_minute(self) -> int:
        """Tokens of the last minute, in and out."""
        self._trim(self.clock())
        return self._tokens_sum

    @property
    def requests_limit(self) -> int | None:
        """Requests a minute that the server allows; None where it has not said."""
        return self._limit("requests")

    @property
    def tokens_limit(self) -> int | None:
        """Tokens a minute that the server allows, in and out; None where it has not said."""
        both = self._limit("input-tokens"), self._limit("output-tokens")
        if both[0] is not None and both[1] is not None:
            return both[0] + both[1]
        return self._limit("tokens")

    def _limit(self, kind: str) -> int | None:
        bucket = self._buckets.get(kind)
        return None if bucket is None else round(bucket.a_minute)

    def _trim(self, now: float) -> None:
        while self._requests and self._requests[0] < now - WINDOW_SECONDS:
            self._requests.popleft()
        while self._tokens and self._tokens[0][0] < now - WINDOW_SECONDS:
            self._tokens_sum -= self._tokens.popleft()[1]
