"""The chat job: one reply, streamed. A short job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from studio.config.persona import Persona, load_persona
from studio.jobs.chat.local import stream_local
from studio.jobs.chat.remote import stream_ollama
from studio.jobs.chat.spec import LOCAL, LOCAL_BASE, Spec
from studio.jobs.deploy.names import moving_tag, name_of
from studio.jobs.events import Event

if TYPE_CHECKING:
    from store.database import Store
    from store.live import AsyncStore
    from studio.jobs.chat.line import Line
    from studio.workspace import Workspace

__all__ = ["LOCAL", "LOCAL_BASE", "Spec", "reply", "run"]


async def run(spec: Spec, workspace: Workspace, store: AsyncStore) -> AsyncGenerator[Event, None]:
    """Stream one reply: `Token`s, then `Replied`; closing the stream cancels it in the model, too.

    A model that has to be loaded first is said by the stage `load`; what a thinking model thinks is the detail
    of the stage `thinking` and no part of the reply.

    Raises:
        JobError: no server, no such model, or a fault in the middle; what came before has been yielded.
        ConfigError: `persona.toml` is damaged.
    """
    async with aclosing(reply(spec, workspace, store)) as events:
        async for event in events:
            yield event


async def reply(
    spec: Spec,
    workspace: Workspace,
    store: AsyncStore,
    stop: asyncio.Event | None = None,
    *,
    carries: bool | None = None,
    line: Line | None = None,
) -> AsyncGenerator[Event, None]:
    """Do as `run` does; once `stop` is set, end at once with a `Replied` that is `cancelled`.

    `carries` says whether the model is one of ours that carries its own prompt and parameters; None looks it up.
    `line` is a connection to the server that is open already.

    Raises:
        JobError, ConfigError: as `run`.
    """
    stop = stop or asyncio.Event()
    if spec.model.startswith(LOCAL):
        stream = stream_local(_filled(spec, workspace), workspace, store, stop)
    elif carries if carries is not None else await store.run(lambda reader: spec.model in deployed(reader)):
        # It carries the prompt and parameters that it was proven with.
        stream = stream_ollama(spec, stop, line)
    else:
        stream = stream_ollama(_filled(spec, workspace), stop, line)
    async with aclosing(stream) as events:
        async for event in events:
            yield event


def _filled(spec: Spec, workspace: Workspace) -> Spec:
    """Return the spec with what it leaves to the persona."""
    file = workspace.persona_file
    persona = _persona(file, file.stat().st_mtime_ns) if file.exists() else load_persona(file)
    system = spec.system if spec.system is not None else persona.system_prompt
    return spec.model_copy(update={"system": system, "sampling": spec.sampling or persona.sampling})


@lru_cache(maxsize=4)
def _persona(file: Path, changed: int) -> Persona:
    """Return the persona as the file has it since `changed`: the first token of a reply waits for it."""
    del changed
    return load_persona(file)


def deployed(store: Store) -> frozenset[str]:
    """Return all names under which our deployments answer."""
    tags = [item.tag for item in store.deployments]
    return frozenset(name for tag in tags for name in (tag, moving_tag(name_of(tag)), name_of(tag)))
