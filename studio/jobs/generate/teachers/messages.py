"""A server of the Messages API: Claude, or any other that speaks it, such as Ollama."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from studio.jobs.generate.pace import Limits, limits_of
from studio.jobs.generate.prompt import Request
from studio.jobs.generate.teachers.account import Account
from studio.jobs.generate.teachers.faults import AttemptError, of_status
from studio.jobs.text import without_surrogates

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types import Message as ApiMessage

REQUEST_SECONDS = 900.0
"""For one reply. The SDK's own limit is 10 minutes, with an error in advance for large `max_tokens`."""
CONNECT_SECONDS = 15.0

_SAMPLING = ("temperature",)
_OPTIONAL = {"temperature": ("temperature", "sampling"), "output_config": ("output_config", "output_format")}
"""Parts of a request that a model may refuse, with the words by which its error 400 tells."""

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
    limits: Limits = field(default_factory=dict)
    """The rate limits that the answer stated."""


class MessagesServer:
    """One attempt a call through the anthropic SDK; its own retries are off, so that every attempt is seen."""

    def __init__(
        self, account: Account, *, max_tokens: int, request_seconds: float = REQUEST_SECONDS
    ) -> None:
        import httpx2
        from anthropic import AsyncAnthropic

        self.account = account
        self._max_tokens = max_tokens
        self._refused: set[str] = set()
        """Optional parts of a request that the server, or its model, does not take."""
        self._client = AsyncAnthropic(
            api_key=account.api_key.get_secret_value(),
            base_url=account.base_url,
            max_retries=0,
            timeout=httpx2.Timeout(request_seconds, connect=min(CONNECT_SECONDS, request_seconds)),
        )

    @property
    def client(self) -> AsyncAnthropic:
        """The SDK's own, for what is not one message."""
        return self._client

    @property
    def max_tokens(self) -> int:
        """Output tokens of a request that names none."""
        return self._max_tokens

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
            message, limits = await self._create(request)
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
            return reply_of(message, limits)
        except (AttributeError, TypeError, ValueError) as error:
            # The SDK does not check what a server sends, so anything may be missing here.
            raise AttemptError(
                "the server's answer is not of the Messages API", may_be_billed=True
            ) from error

    async def _create(self, request: Request) -> tuple[ApiMessage, Limits]:
        """Send one request; what the server refuses of its optional parts is left out from then on."""
        import anthropic

        while True:
            parameters = self.parameters(request)
            try:
                # The SDK names no sampling parameters any more, since its newest models take none.
                sampling = {name: parameters[name] for name in _SAMPLING if name in parameters}
                named = {name: value for name, value in parameters.items() if name not in sampling}
                raw = await self._client.messages.with_raw_response.create(
                    **named, extra_body=sampling or None
                )
            except anthropic.BadRequestError as error:
                # Refused requests are not billed, so asking again at once costs nothing.
                refused = _refused_part(str(error), parameters.keys() & _OPTIONAL.keys())
                if refused is None:
                    raise
                self._refused.add(refused)
            else:
                return await raw.parse(), limits_of(raw.headers)

    def refuses(self, message: str) -> bool:
        """Say whether an error speaks of an optional part of requests; it is left out from then on."""
        part = _refused_part(message, set(_OPTIONAL))
        if part is None:
            return False
        self._refused.add(part)
        return True

    def parameters(self, request: Request) -> dict[str, Any]:
        """Return what is sent for a request, as the SDK takes it; a Message Batch takes the same."""
        found: dict[str, Any] = {
            "model": request.model or self.account.model,
            "max_tokens": request.max_tokens or self._max_tokens,
            "system": [{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": request.user}],
            "output_config": {"format": {"type": "json_schema", "schema": request.schema}},
        }
        if request.temperature is not None:
            found["temperature"] = request.temperature
        return {name: value for name, value in found.items() if name not in self._refused}


def _refused_part(message: str, optional: set[str]) -> str | None:
    """Return which optional part of a request an error 400 speaks of, or None."""
    return next((part for part in sorted(optional) if any(w in message for w in _OPTIONAL[part])), None)


def reply_of(message: ApiMessage, limits: Limits | None = None) -> Reply:
    """Return what counts of a message.

    Raises:
        AttributeError, TypeError, ValueError: it is not of the Messages API.
    """
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
        limits=limits or {},
    )
