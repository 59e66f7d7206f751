"""The calls of the Message Batches API, each one attempt, with its faults told as those of a message."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from studio.jobs.generate.teachers.faults import AttemptError, of_status, retry_after_of
from studio.jobs.generate.teachers.messages import MessagesServer, Reply, reply_of

if TYPE_CHECKING:
    from anthropic.types.messages import MessageBatch

_FINAL_ERRORS = frozenset({"invalid_request_error", "request_too_large", "not_found_error"})
"""Errors of a single request that come again with it."""


class BatchGoneError(Exception):
    """The server knows no such batch, or has thrown its results away (after 29 days)."""


@dataclass(frozen=True)
class Outcome:
    """What became of one request of a batch."""

    kind: Literal["reply", "errored", "expired", "canceled"]
    reply: Reply | None = None
    reason: str = ""
    final: bool = False
    """An error that comes again with the same request."""


@dataclass(frozen=True)
class Look:
    """What a look at a batch has shown."""

    ended: bool
    retry_after: float | None
    """Seconds that the server asks to wait before the next one; None where it asks for nothing."""


class BatchCalls:
    """One server's batches."""

    def __init__(self, server: MessagesServer) -> None:
        self._batches = server.client.messages.batches

    async def create(self, requests: dict[str, dict[str, Any]]) -> MessageBatch:
        """Submit requests by their ids.

        Raises:
            AttemptError: it did not go through; `may_be_billed` where it may be there all the same.
        """
        with _faults():
            rows: Any = [{"custom_id": key, "params": params} for key, params in requests.items()]
            return _checked(await self._batches.create(requests=rows))

    async def ended(self, batch_id: str) -> Look:
        """Look whether a batch is done; raises as `create`, and `BatchGoneError`."""
        with _faults(gone=True):
            raw = await self._batches.with_raw_response.retrieve(batch_id)
            batch = _checked(await raw.parse())
            return Look(batch.processing_status == "ended", retry_after_of(raw.headers))

    async def cancel(self, batch_id: str) -> None:
        """Ask for no more of a batch; what is done of it can be collected. One that has ended stays as it is."""
        import anthropic

        with _faults():
            try:
                await self._batches.cancel(batch_id)
            except (anthropic.BadRequestError, anthropic.ConflictError, anthropic.NotFoundError):
                return

    async def since(self, moment: datetime) -> list[MessageBatch]:
        """Return the batches that were made since a moment, the newest first; raises as `create`."""
        found = []
        with _faults():
            async for batch in self._batches.list(limit=100):
                if batch.created_at < moment:
                    break
                found.append(batch)
        return found

    async def results(self, batch_id: str) -> AsyncIterator[tuple[str, Outcome]]:
        """Yield the outcome of each request by its id, in any order.

        Raises:
            AttemptError: the stream was cut; read it again.
            BatchGoneError: there are no results any more.
        """
        with _faults(gone=True):
            async for row in await self._batches.results(batch_id):
                yield row.custom_id, _outcome(row.result)


def _outcome(result: Any) -> Outcome:
    if result.type == "succeeded":
        return Outcome("reply", reply_of(result.message))
    if result.type == "errored":
        error = result.error.error
        return Outcome("errored", reason=str(error.message), final=error.type in _FINAL_ERRORS)
    return Outcome("expired" if result.type == "expired" else "canceled")


def _checked(batch: MessageBatch) -> MessageBatch:
    """The SDK does not check what a server sends: anything may be missing."""
    if not isinstance(batch.id, str) or batch.request_counts is None:
        raise ValueError("not a batch")
    return batch


@contextmanager
def _faults(*, gone: bool = False) -> Iterator[None]:
    import anthropic
    import httpx2

    try:
        yield
    except anthropic.NotFoundError as error:
        if gone:
            raise BatchGoneError(str(error)) from error
        raise of_status(error) from error
    except anthropic.APIStatusError as error:
        raise of_status(error) from error
    except anthropic.APIConnectionError as error:
        unsent = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
        what = "the server cannot be reached" if unsent else "the connection was cut"
        raise AttemptError(what, may_be_billed=not unsent) from error
    except (anthropic.AnthropicError, httpx2.HTTPError, ValueError, AttributeError, TypeError) as error:
        raise AttemptError("the server's answer was cut off or is not JSON", may_be_billed=True) from error
