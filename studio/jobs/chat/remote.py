"""A reply from Ollama."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from studio.jobs.chat.spec import Spec
from studio.jobs.chat.waiting import SilenceError, StopAskedError, next_piece
from studio.jobs.events import Event, JobError, Replied, Stage, Token
from studio.lm import ollama
from studio.lm.ollama import OllamaError, OllamaRefusedError, OllamaUnreachableError

if TYPE_CHECKING:
    from ollama import AsyncClient, ChatResponse

_LOCAL_WAY = "or choose a checkpoint or the base: those answer without a server"


@dataclass
class _Reply:
    """What has come so far."""

    began: float
    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    first_token: float | None = None
    """Seconds to the first token of the reply itself, after the thinking."""
    last: ChatResponse | None = None
    cancelled: bool = False

    @property
    def started(self) -> bool:
        return bool(self.text or self.thinking)


async def stream_ollama(spec: Spec, stop: asyncio.Event) -> AsyncGenerator[Event, None]:
    """Yield a reply of the Ollama model `spec.model`.

    Raises:
        JobError: no server, no such model, an error in the middle, or a silence.
    """
    try:
        host = ollama.resolve_host(spec.host)
    except OllamaError as error:
        raise JobError(error.what, kept="Your question is kept.", to_do="Correct OLLAMA_HOST.") from error
    reply = _Reply(began=time.monotonic())
    try:
        with ollama.faults(host):
            async with (
                ollama.client(host) as asked,
                aclosing(_stream(asked, host, spec, stop, reply)) as events,
            ):
                async for event in events:
                    yield event
    except StopAskedError:
        reply.cancelled = True
    except SilenceError as error:
        raise _hung(host, spec, reply) from error
    except OllamaError as error:
        raise _failed(error, spec, reply) from error
    yield _replied(spec, reply)


async def _stream(
    asked: AsyncClient, host: str, spec: Spec, stop: asyncio.Event, reply: _Reply
) -> AsyncGenerator[Event, None]:
    loading = spec.model not in {model.name for model in await ollama.loaded_models(host)}
    if loading:
        yield Stage(name="load", state="running", detail=f"{spec.model} is read into memory")
    pieces = cast("AsyncGenerator[ChatResponse, None]", await asked.chat(**_request(spec)))
    try:
        while True:
            limit = spec.silence_seconds if reply.started else spec.first_token_seconds
            piece = await next_piece(pieces, stop, limit)
            if loading:
                loading = False
                took = time.monotonic() - reply.began
                yield Stage(name="load", state="done", detail=f"{took:.1f} s")
            if piece is None:
                # The server always says that it is done; a stream that just ends was cut.
                raise OllamaUnreachableError(f"Ollama at {host} broke off.", host=host)
            for event in _taken_in(piece, reply):
                yield event
            if piece.done:
                return
    finally:
        # Closing the connection is what stops the model.
        await pieces.aclose()


def _taken_in(piece: ChatResponse, reply: _Reply) -> list[Event]:
    events: list[Event] = []
    if thought := piece.message.thinking:
        if not reply.thinking:
            events.append(Stage(name="thinking", state="running"))
        reply.thinking.append(thought)
    if text := piece.message.content:
        if reply.first_token is None:
            reply.first_token = time.monotonic() - reply.began
            if reply.thinking:
                events.append(Stage(name="thinking", state="done", detail="".join(reply.thinking)))
        reply.text.append(text)
        events.append(Token(text=text))
    if piece.done:
        reply.last = piece
        if reply.thinking and reply.first_token is None:
            events.append(Stage(name="thinking", state="done", detail="".join(reply.thinking)))
    return events


def _request(spec: Spec) -> dict[str, Any]:
    system = [{"role": "system", "content": spec.system}] if spec.system else []
    sampling = spec.sampling.model_dump() if spec.sampling else {}
    return {
        "model": spec.model,
        "messages": [*system, *(message.model_dump() for message in spec.messages)],
        "options": {**sampling, "num_predict": spec.max_tokens},
        "stream": True,
    }


def _replied(spec: Spec, reply: _Reply) -> Replied:
    tokens, rate = len(reply.text), None
    if reply.last is not None:
        tokens = reply.last.eval_count or tokens
        if reply.last.eval_duration:
            rate = tokens / (reply.last.eval_duration / 1e9)
    return Replied(
        text="".join(reply.text),
        model=spec.model,
        tokens=tokens,
        tokens_per_second=rate,
        first_token_seconds=reply.first_token,
        cancelled=reply.cancelled,
    )


def _kept(reply: _Reply) -> str:
    return "What came so far is kept." if reply.text else "Your question is kept."


def _hung(host: str, spec: Spec, reply: _Reply) -> JobError:
    waited = spec.silence_seconds if reply.started else spec.first_token_seconds
    return JobError(
        f"Ollama at {host} has said nothing for {waited:.0f} s.",
        kept=_kept(reply),
        to_do=f"Look at `ollama ps` and restart the server if it hangs, {_LOCAL_WAY}.",
    )


def _failed(error: OllamaError, spec: Spec, reply: _Reply) -> JobError:
    if isinstance(error, OllamaUnreachableError) and reply.started:
        return JobError(
            f"{error.what} It went away in the middle of the reply.",
            kept=_kept(reply),
            to_do=f"Start it again with `ollama serve` and ask once more, {_LOCAL_WAY}.",
        )
    if isinstance(error, OllamaUnreachableError):
        return JobError(error.what, kept=_kept(reply), to_do=f"Start it with `ollama serve`, {_LOCAL_WAY}.")
    if isinstance(error, OllamaRefusedError) and error.status == 404:
        return JobError(
            f"Ollama has no model {spec.model}.",
            kept=_kept(reply),
            to_do=f"`ollama list` shows those it has. Deploy a checkpoint, {_LOCAL_WAY}.",
        )
    to_do = f"Ollama's own log says more. Ask again, {_LOCAL_WAY}."
    if "memory" in error.what:
        to_do = f"Unload other models (`ollama ps`, `ollama stop NAME`), deploy a smaller quantization, {_LOCAL_WAY}."
    return JobError(f"Ollama says: {error.what}", kept=_kept(reply), to_do=to_do)
