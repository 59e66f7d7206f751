"""The chat job: one reply, streamed. A short job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from store.models import Deployment
from studio.config.persona import load_persona
from studio.jobs.chat.local import stream_local
from studio.jobs.chat.remote import stream_ollama
from studio.jobs.chat.spec import LOCAL, LOCAL_BASE, Spec
from studio.jobs.deploy.names import moving_tag, name_of
from studio.jobs.events import Event

if TYPE_CHECKING:
    from store.database import Store
    from store.live import AsyncStore
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
    spec: Spec, workspace: Workspace, store: AsyncStore, stop: asyncio.Event | None = None
) -> AsyncGenerator[Event, None]:
    """Do as `run` does; once `stop` is set, end at once with a `Replied` that is `cancelled`.

    Raises:
        JobError, ConfigError: as `run`.
    """
    stop = stop or asyncio.Event()
    persona = load_persona(workspace.persona_file)
    if spec.model.startswith(LOCAL):
        filled = _filled(spec, persona.system_prompt, spec.sampling or persona.sampling)
        stream = stream_local(filled, workspace, store, stop)
    elif await store.run(lambda reader: _is_deployed(reader, spec.model)):
        # It carries the prompt and parameters that it was proven with.
        stream = stream_ollama(spec, stop)
    else:
        stream = stream_ollama(_filled(spec, persona.system_prompt, spec.sampling or persona.sampling), stop)
    async with aclosing(stream) as events:
        async for event in events:
            yield event


def _filled(spec: Spec, system: str, sampling: object) -> Spec:
    given = spec.system if spec.system is not None else system
    return spec.model_copy(update={"system": given, "sampling": sampling})


def _is_deployed(store: Store, tag: str) -> bool:
    deployments: list[Deployment] = list(store.deployments)
    return any(tag in (item.tag, moving_tag(name_of(item.tag)), name_of(item.tag)) for item in deployments)
