"""A reply from Ollama."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, nullcontext, suppress
from typing import TYPE_CHECKING, Any, cast

from studio.jobs.chat.coming import Coming
from studio.jobs.chat.faults import as_job_error, hung
from studio.jobs.chat.spec import Spec
from studio.jobs.chat.waiting import Pump, SilenceError, StopAskedError
from studio.jobs.events import Event, JobError, Replied, Stage
from studio.lm import ollama
from studio.lm.ollama import LoadedModel, OllamaError, OllamaUnreachableError

if TYPE_CHECKING:
    from ollama import AsyncClient, ChatResponse

    from studio.jobs.chat.line import Line

_BEYOND = 64
"""Pieces that a server may send after the limit it was given, before it is left."""

_WORTH_SAYING_SECONDS = 0.1
"""A model that has not begun by then may have to be loaded; it is looked up only then."""


async def stream_ollama(
    spec: Spec, stop: asyncio.Event, line: Line | None = None
) -> AsyncGenerator[Event, None]:
    """Yield a reply of the Ollama model `spec.model`, by a connection of `line` where there is one.

    Raises:
        JobError: no server, no such model, an error in the middle, or a silence.
    """
    try:
        host = ollama.resolve_host(spec.host)
    except OllamaError as error:
        raise JobError(error.what, kept="Your question is kept.", to_do="Correct OLLAMA_HOST.") from error
    coming = Coming(spec.model)
    try:
        with ollama.faults(host):
            async with (
                nullcontext(line.client(host)) if line is not None else ollama.client(host) as asked,
                aclosing(_stream(asked, host, spec, stop, coming)) as events,
            ):
                async for event in events:
                    yield event
    except StopAskedError:
        coming.cancelled = True
    except SilenceError as error:
        raise hung(host, spec, coming) from error
    except OllamaError as error:
        raise await as_job_error(error, host, spec, coming) from error
    for event in coming.end():
        yield event
    yield _replied(coming)


async def _stream(
    asked: AsyncClient, host: str, spec: Spec, stop: asyncio.Event, coming: Coming
) -> AsyncGenerator[Event, None]:
    replying = cast("AsyncGenerator[ChatResponse, None]", await asked.chat(**_request(spec)))
    loaded: LoadedModel | None = None
    # Leaving the pump closes the connection, which is what stops the model.
    async with Pump(replying, stop) as pump:
        loading = False
        if not await pump.soon(_WORTH_SAYING_SECONDS):
            loaded = await _loaded(host, spec.model)
            loading = loaded is None and not await pump.soon(0)
        if loading:
            yield Stage(name="load", state="running", detail=f"{spec.model} is read into memory")
        done = False
        while not done:
            pieces = await pump.take(spec.silence_seconds if coming.started else spec.first_token_seconds)
            if loading:
                loading = False
                yield Stage(name="load", state="done", detail=f"{coming.seconds():.1f} s")
            if not pieces:
                # The server always says that it is done; a stream that just ends was cut.
                raise OllamaUnreachableError(f"Ollama at {host} broke off.", host=host)
            for piece in pieces:
                for event in coming.take(piece.message.content, piece.message.thinking):
                    yield event
                if piece.done:
                    coming.ended(piece)
                elif coming.pieces > spec.max_tokens + _BEYOND:
                    coming.at_limit = True
                if done := piece.done or coming.at_limit:
                    break
    # Asked after the reply: nobody waits for it then, and the model is loaded.
    loaded = loaded or await _loaded(host, spec.model)
    coming.context_size = loaded.context_tokens if loaded else None


async def _loaded(host: str, model: str) -> LoadedModel | None:
    """Return the model as the server holds it in memory; None where it does not, or does not say."""
    with suppress(OllamaError):
        for loaded in await ollama.loaded_models(host):
            if loaded.name in (model, f"{model}:latest"):
                return loaded
    return None


def _request(spec: Spec) -> dict[str, Any]:
    system = [{"role": "system", "content": spec.system}] if spec.system else []
    sampling = spec.sampling.model_dump() if spec.sampling else {}
    context = {"num_ctx": spec.context_size} if spec.context_size else {}
    return {
        "model": spec.model,
        "messages": [*system, *(message.model_dump() for message in spec.messages)],
        "options": {**sampling, **context, "num_predict": spec.max_tokens},
        "stream": True,
    }


def _replied(coming: Coming) -> Replied:
    tokens, rate = coming.pieces, None
    if coming.tokens is not None:
        tokens = coming.tokens
        if coming.eval_seconds:
            rate = tokens / coming.eval_seconds
    return coming.replied(tokens=tokens, tokens_per_second=rate)
