"""Running one step of the chain, the same way for the Overview screen and for `jessy-studio demo`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from pydantic import BaseModel

from store.live import AsyncStore
from store.models import ChatSession
from studio.jobs.chain import GREETING, Picture, Step, ollama_answers, picture
from studio.jobs.events import Event, Replied
from studio.workspace import Workspace

if TYPE_CHECKING:
    from studio.jobs.manager import JobManager

LONG_STEPS = frozenset({"generate", "train", "validate", "deploy"})


async def run_step(
    step: Step, workspace: Workspace, store: AsyncStore, manager: JobManager
) -> AsyncGenerator[Event, None]:
    """Yield the step's events; a long step goes on as a process of its own when the caller stops listening.

    Raises:
        ConfigError: a file of the workspace is damaged.
        JobError: the step cannot be done, with what to do.
    """
    if step.name in LONG_STEPS:
        async for event in _long(step, workspace, store, manager):
            yield event
    elif step.name == "review":
        from studio.jobs.review.job import Spec as ReviewSpec
        from studio.jobs.signals.job import Spec as SignalsSpec

        async for event in manager.stream("signals", SignalsSpec()):
            yield event
        async for event in manager.stream("review", ReviewSpec()):
            yield event
    elif step.name == "chat":
        async for event in _chat(await picture(store), workspace, store, manager):
            yield event
    else:
        from studio.jobs.collect.job import Spec as CollectSpec

        async for event in manager.stream("collect", CollectSpec()):
            yield event


async def _long(
    step: Step, workspace: Workspace, store: AsyncStore, manager: JobManager
) -> AsyncGenerator[Event, None]:
    after = 0
    if step.job_id is None:
        spec = _default_spec(step.name, workspace, await picture(store))
        record = await manager.start(step.name, spec)
    elif step.running:
        record = next(record for record in await manager.records() if record.id == step.job_id)
    else:
        record = await manager.resume(step.job_id)
        after = record.ingested
    async for recorded in manager.follow(record.id, after=after):
        yield recorded.event


def _default_spec(name: str, workspace: Workspace, now: Picture) -> BaseModel:
    match name:
        case "generate":
            from studio.jobs.generate.job import Spec as GenerateSpec

            return GenerateSpec()
        case "train":
            from studio.jobs.train.defaults import default_spec

            return default_spec(workspace)
        case "validate":
            from studio.jobs.validate.defaults import default_spec as default_validation

            return default_validation(workspace)
        case _:
            from studio.jobs.deploy.inputs import Spec as DeploySpec

            # Without a checkpoint the job itself says what is missing.
            return DeploySpec(checkpoint_id=now.checkpoint.id if now.checkpoint else "")


async def _chat(
    now: Picture, workspace: Workspace, store: AsyncStore, manager: JobManager
) -> AsyncGenerator[Event, None]:
    """Say the greeting to the newest deployment, or to the newest checkpoint where none answers."""
    from studio.jobs.chat.conversation import answered, asked, messages_of, turn_of
    from studio.jobs.chat.job import Spec as ChatSpec

    if now.deployment is not None and await ollama_answers(workspace):
        model = now.deployment.tag
    elif now.checkpoint is not None:
        model = f"local:{now.checkpoint.id}"
    else:
        model = "local:base"
    conversation = asked(ChatSession(title="", model=model), GREETING)
    async for event in manager.stream("chat", ChatSpec(model=model, messages=messages_of(conversation))):
        if isinstance(event, Replied):
            await _keep(answered(conversation, turn_of(event)), store)
        yield event


async def _keep(conversation: ChatSession, store: AsyncStore) -> None:
    await store.write(lambda database: database.chat_sessions.put(conversation))
