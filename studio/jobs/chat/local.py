"""A reply from one of our own models, by a child process that stays alive between turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, cast
from weakref import WeakKeyDictionary

from studio.config.persona import Sampling
from studio.jobs.chat.coming import Coming
from studio.jobs.chat.spec import LOCAL, LOCAL_BASE, Spec
from studio.jobs.chat.waiting import StopAskedError, or_stop
from studio.jobs.events import Event, JobError, Stage
from studio.lm.child import LocalModel
from studio.lm.embedded import EMBEDDED
from studio.lm.errors import ModelError, TooLongError
from studio.lm.reply import ReplyStats
from studio.lm.sampling import Sampling as DrawnBy

if TYPE_CHECKING:
    from store.database import Store
    from store.live import AsyncStore
    from store.models import Message
    from studio.workspace import Workspace

_MOST = 2
"""Children kept: two models can be compared side by side, a third one replaces the one unused longest."""

_Key = tuple[str, Path | None]


class _Children:
    """The children of one event loop, the most lately used last."""

    def __init__(self) -> None:
        self.models: dict[_Key, LocalModel] = {}
        self.used: dict[_Key, int] = {}
        self.changing = asyncio.Lock()

    def is_ready(self, key: _Key) -> bool:
        return key in self.models and self.models[key].running

    async def take(self, key: _Key) -> LocalModel:
        """Return a child that answers, started where there is none; `give_back` it after the reply."""
        async with self.changing:
            model = self.models.pop(key, None)
            if model is not None and not model.running:
                await model.close()
                model = None
            if model is None:
                await self._make_room()
                model = LocalModel(*key)
                await model.start()
            self.models[key] = model
            self.used[key] = self.used.get(key, 0) + 1
            return model

    def give_back(self, key: _Key) -> None:
        self.used[key] -= 1

    async def _make_room(self) -> None:
        idle = [key for key in self.models if not self.used.get(key)]
        while len(self.models) >= _MOST and idle:
            await self.models.pop(idle.pop(0)).close()

    async def close(self) -> None:
        for model in self.models.values():
            # A reply that is under way ends as a cancelled one, so that what came of it is kept.
            model.cancel()
        async with self.changing:
            models, self.models = list(self.models.values()), {}
            await asyncio.gather(*(model.close() for model in models))


_children: WeakKeyDictionary[asyncio.AbstractEventLoop, _Children] = WeakKeyDictionary()


async def close_local_models() -> None:
    """End all children of this event loop, so that their memory is free; the next chat starts them again."""
    children = _children.pop(asyncio.get_running_loop(), None)
    if children is not None:
        await children.close()


async def stream_local(
    spec: Spec, workspace: Workspace, store: AsyncStore, stop: asyncio.Event
) -> AsyncGenerator[Event, None]:
    """Yield a reply of a checkpoint or the base.

    Raises:
        JobError: no such checkpoint, the model cannot be loaded, or its process died.
    """
    key = await store.run(lambda reader: _model(reader, workspace, spec.model))
    children = _children.setdefault(asyncio.get_running_loop(), _Children())
    coming = Coming(spec.model)
    loading = not children.is_ready(key)
    try:
        if loading:
            yield Stage(name="load", state="running", detail="the model is read into memory")
        model = await or_stop(children.take(key), stop)
        try:
            if loading:
                yield Stage(name="load", state="done")
            async with aclosing(_stream(model, spec, stop, coming)) as events:
                async for event in events:
                    yield event
        finally:
            children.give_back(key)
    except StopAskedError:
        coming.cancelled = True
        yield coming.replied(tokens=0, tokens_per_second=None)
    except (ModelError, ValueError) as error:
        raise JobError(
            error.what if isinstance(error, ModelError) else str(error),
            kept="What came so far is kept." if coming.text else "Your question is kept.",
            to_do=error.to_do if isinstance(error, ModelError) else "Begin a new conversation.",
        ) from error


async def _stream(
    model: LocalModel, spec: Spec, stop: asyncio.Event, coming: Coming
) -> AsyncGenerator[Event, None]:
    coming.context_size = model.context_size
    watcher = asyncio.create_task(_cancel_at(stop, model))
    messages = list(spec.messages)
    try:
        while True:
            try:
                async with aclosing(_once(model, spec, messages, coming)) as events:
                    async for event in events:
                        yield event
            except TooLongError:
                if len(messages) < 3:
                    raise
                # As Ollama does: the oldest question goes, with its reply.
                del messages[: 2 if messages[1].role == "assistant" else 1]
            else:
                return
    finally:
        watcher.cancel()


async def _once(
    model: LocalModel, spec: Spec, messages: Sequence[Message], coming: Coming
) -> AsyncGenerator[Event, None]:
    sampling = spec.sampling or Sampling()
    system = [{"role": "system", "content": spec.system}] if spec.system else []
    asked = [*system, *(message.model_dump() for message in messages)]
    pieces = model.stream(asked, DrawnBy(**sampling.model_dump()), max_tokens=spec.max_tokens)
    async with aclosing(cast("AsyncGenerator[str | ReplyStats, None]", pieces)) as stream:
        async for piece in stream:
            if isinstance(piece, ReplyStats):
                for event in coming.end():
                    yield event
                yield _replied(coming, piece, spec)
            else:
                for event in coming.take(piece):
                    yield event


def _replied(coming: Coming, stats: ReplyStats, spec: Spec) -> Event:
    coming.cancelled = stats.cancelled
    coming.at_limit = not stats.cancelled and stats.tokens >= spec.max_tokens
    coming.prompt_tokens = stats.prompt_tokens or None
    return coming.replied(tokens=stats.tokens, tokens_per_second=stats.tokens_per_second)


async def _cancel_at(stop: asyncio.Event, model: LocalModel) -> None:
    await stop.wait()
    model.cancel()


def _model(store: Store, workspace: Workspace, name: str) -> _Key:
    if name == LOCAL_BASE:
        runs = sorted(store.training_runs, key=lambda run: run.created_at)
        return (runs[-1].base if runs else EMBEDDED, None)
    checkpoint = store.checkpoints.get(name.removeprefix(LOCAL))
    run = store.training_runs.get(checkpoint.run_id) if checkpoint else None
    if checkpoint is None or run is None:
        raise JobError(
            f"There is no checkpoint {name.removeprefix(LOCAL)} in this workspace.",
            kept="Your question is kept.",
            to_do="Choose another model, or train first.",
        )
    return (run.base, workspace.inside(checkpoint.path))
