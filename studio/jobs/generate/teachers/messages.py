"""A server of the Messages API: Claude, or any other that speaks it, such as Ollama."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.jobs.generate.parse import SCHEMA
from studio.jobs.generate.prompt import Request
from studio.jobs.generate.teachers.account import Account
from studio.jobs.generate.teachers.faults import AttemptError, of_status
from studio.jobs.text import without_surrogates

if TYPE_CHECKING:
    from anthropic.types import Message as ApiMessage

REQUEST_SECONDS = 900.0
"""For one reply. The SDK's own limit is 10 minutes, with an error in advance for large `max_tokens`."""
CONNECT_SECONDS = 15.0

_FAULTS = {
    "refusal": "the teacher refused",
    "max_tokens": "the reply was cut off at max_tokens",
    "model_context_window_exceeded": "the reply was cut off at the end of the model's context",
}


@dataclass(frozen=True)
class Reply:
    """A teacher's answer to one request."""

    text: str
    model: str
    request_id: str | None
    input_tokens: int
    """All of them, those written to and read from the server's cache included."""
    output_tokens: int
    """Thinking included: it is billed as output."""
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    fault: str = ""
    """Why the text is not what was asked for: a refusal or a truncation; empty where it is complete."""


class MessagesServer:
    """One attempt a call through the anthropic SDK; its own retries are off, so that every attempt is seen."""

    def __init__(
        self, account: Account, *, max_tokens: int, request_seconds: float = REQUEST_SECONDS
    ) -> None:
        import httpx2
        from anthropic import AsyncAnthropic

        self.account = account
        self._max_tokens = max_tokens
        self._client = AsyncAnthropic(
            api_key=account.api_key.get_secret_value(),
            base_url=account.base_url,
            max_retries=0,
            timeout=httpx2.Timeout(request_seconds, connect=min(CONNECT_SECONDS, request_seconds)),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def ask(self, request: Request) -> Reply:
        """Return the answer to one attempt.

        Raises:
            AttemptError: there is none, with what that means.
        """
        import anthropic
        import httpx2

        unsent = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
        try:
            message = await self._create(request)
        except anthropic.APIStatusError as error:
            raise of_status(error) from error
        except anthropic.APITimeoutError as error:
            lost = not isinstance(error.__cause__, unsent)
            raise AttemptError("the server did not answer in time", may_be_billed=lost) from error
        except anthropic.APIConnectionError as error:
            if isinstance(error.__cause__, unsent):
                raise AttemptError("the server cannot be reached", may_be_billed=False) from error
            raise AttemptError("the connection was cut", may_be_billed=True) from error
        except (anthropic.APIError, httpx2.HTTPError, ValueError) as error:
            # A body cut in the middle is no APIError: the SDK lets the JSON parser's own error through.
            raise AttemptError(
                "the server's answer was cut off or is not JSON", may_be_billed=True
            ) from error
        try:
            return _reply(message)
        except (AttributeError, TypeError, ValueError) as error:
            # The SDK does not check what a server sends, so anything may be missing here.
            raise AttemptError(
                "the server's answer is not of the Messages API", may_be_billed=True
            ) from error

    async def _create(self, request: Request) -> ApiMessage:
        system: Any = [{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}]
        return await self._client.messages.create(
            model=self.account.model,
            max_tokens=self._max_tokens,
            system=system,
            messages=[{"role": "user", "content": request.user}],
            output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
        )


def _reply(message: ApiMessage) -> Reply:
    # Thinking has blocks of its own and is not the text.
    text = "".join(block.text for block in message.content if block.type == "text")
    usage = message.usage
    written, read = usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0
    return Reply(
        text=without_surrogates(text),
        model=str(message.model),
        request_id=str(message.id) if message.id else None,
        input_tokens=int(usage.input_tokens) + written + read,
        output_tokens=int(usage.output_tokens),
        cache_write_tokens=written,
        cache_read_tokens=read,
        fault=_FAULTS.get(message.stop_reason or "", ""),
    )
