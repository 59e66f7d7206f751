"""What can go wrong with one attempt: whether it may have been billed, and whether asking again can help."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.jobs.events import JobError
from studio.jobs.generate.pace import Limits, limits_of

if TYPE_CHECKING:
    import anthropic

_RETRIED = frozenset({408, 409, 429})
"""Client errors that pass; all other ones say that the key, the model or the request is wrong."""

OVERLOADED = frozenset({500, 502, 503, 504, 529})
"""The server itself has too much to do; 429 is a limit of ours."""

_HINTS = {
    401: "Check the API key: jessy-studio doctor",
    402: "Add credit at the provider, then resume the job.",
    403: "The key may not use this model; choose another one.",
    404: "There is no such model on this server; choose another one.",
}


class AttemptError(Exception):
    """An attempt that brought no reply."""

    def __init__(
        self,
        what: str,
        *,
        may_be_billed: bool,
        retry_after: float | None = None,
        final: JobError | None = None,
        limits: Limits | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(what)
        self.may_be_billed = may_be_billed
        """True where the server may have written the reply, and billed it, before it was lost."""
        self.retry_after = retry_after
        """Seconds that the server asks to wait."""
        self.final = final
        """The error that ends the job, where asking again cannot help."""
        self.limits: Limits = limits or {}
        """The rate limits that the answer stated."""
        self.status = status
        """Of the answer; None where none came."""

    @property
    def refused_for_now(self) -> bool:
        """True where the server is there and wants less: 429, 529 and what is like it."""
        return self.status is not None


@dataclass(frozen=True)
class Backoff:
    """How long to wait between attempts: exponential with full jitter, capped, never less than the server asks.

    The formula is that of https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
    """

    first_seconds: float = 1.0
    most_seconds: float = 60.0
    asked_most_seconds: float = 600.0
    """What a server asks for is kept to up to here."""
    tries: int = 6

    def seconds(self, attempt: int, retry_after: float | None) -> float:
        """Return how long to wait after the attempt with this number, counted from 0."""
        jittered = random.uniform(0, min(self.most_seconds, self.first_seconds * 2**attempt))  # noqa: S311
        if retry_after is None:
            return jittered
        # All that were refused together would come back together.
        return min(retry_after, self.asked_most_seconds) + min(jittered, self.first_seconds)


def of_status(error: anthropic.APIStatusError) -> AttemptError:
    """Return the fault of an answer with an error status; those are not billed."""
    status = error.status_code
    limits = limits_of(error.response.headers)
    if status >= 500 or status in _RETRIED:
        return AttemptError(
            f"the server answered {status}",
            may_be_billed=False,
            retry_after=retry_after_of(error.response.headers),
            limits=limits,
            status=status,
        )
    final = JobError(
        f"The teacher's server refused ({status}): {error.message}",
        kept="All examples so far are stored.",
        to_do=_HINTS.get(status, "Change the recipe or the model, then order again."),
    )
    return AttemptError(
        f"the server answered {status}", may_be_billed=False, final=final, limits=limits, status=status
    )


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks to wait; None where it asks for nothing that makes sense."""
    try:
        value = float(headers.get("retry-after") or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None
