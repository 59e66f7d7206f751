"""A workspace while the studio has it open: the store, the jobs and what the person configured."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from pydantic import BaseModel

from store.errors import StoreError, StoreLocked
from store.live import AsyncStore
from studio.config.errors import ConfigError
from studio.config.persona import Persona, load_persona
from studio.config.settings import Settings, load_settings
from studio.jobs import chain, registry
from studio.jobs.chain import Step, StepName
from studio.jobs.events import Finished
from studio.jobs.live import LiveJobs
from studio.jobs.manager import JobManager
from studio.jobs.steps import LONG_STEPS, run_step
from studio.jobs.view import JobView
from studio.workspace import Workspace
from widgets.banner import Notice

_log = logging.getLogger(__name__)
_LAST_SECONDS = 2.0
"""How long leaving may wait until the last events of the jobs are in the store."""


@dataclass(frozen=True)
class Session:
    """Everything that a screen may use. `persona` is None while its file is broken."""

    workspace: Workspace
    store: AsyncStore
    manager: JobManager
    live: LiveJobs
    settings: Settings
    persona: Persona | None
    notices: tuple[Notice, ...] = ()

    @property
    def readonly(self) -> bool:
        """True where another process writes the workspace."""
        return self.store.readonly

    async def close(self) -> None:
        """Let the store and the local models go; jobs in their own processes go on."""
        from studio.jobs.chat.local import close_local_models

        await close_local_models()
        try:
            # What the screen showed last is in the store then; where there is much, the next studio takes it in.
            async with asyncio.timeout(_LAST_SECONDS):
                await self.manager.ingest()
        except (OSError, RuntimeError, StoreError, TimeoutError):
            _log.exception("what the jobs did last is taken in the next time")
        await self.store.close()

    async def next_step(self) -> Step | None:
        """Return what the workspace wants next, or None when the whole chain is done."""
        return await chain.next_step(self.workspace, self.store)

    async def run_step(self, step: Step) -> None:
        """Run one step of the chain: a long one is started, or resumed, and goes on by itself; a short one ends here.

        Raises:
            JobError, ConfigError: the step cannot be done.
        """
        events = run_step(step, self.workspace, self.store, self.manager)
        if step.name in LONG_STEPS:
            # Its first event says that its process is there; from then on it is followed like all others.
            async for _ in events:
                break
            self.live.wake()
        else:
            await self.live.watch_stream(step.name, step.name, events)

    async def run_chain(self) -> None:
        """Run one step after the other until nothing is next or a step does not come to its end.

        The review step accepts by the named policy, as the headless demo does.

        Raises:
            JobError, ConfigError: a step cannot be done.
        """
        while step := await self.next_step():
            events = run_step(step, self.workspace, self.store, self.manager)
            if step.name in LONG_STEPS:
                self.live.wake()
                last = None
                async for event in events:
                    last = event
                if not (isinstance(last, Finished) and last.state == "done"):
                    return
                await self.manager.ingest()
            else:
                await self.live.watch_stream(step.name, step.name, events)
            if await self.next_step() == step:
                # It ended without a result; asking again would go round for ever.
                return

    async def start(self, kind: str, spec: BaseModel | None = None) -> None:
        """Start a job; without a spec it does what its step of the chain does.

        Raises:
            Exception: what the job, or starting it, raised.
        """
        if spec is None:
            await self.run_step(Step(name=cast(StepName, kind), sentence="", screen=kind))
        elif registry.kind_of(kind).long:
            await self.manager.start(kind, spec)
            self.live.wake()
        else:
            await self.live.watch_stream(kind, kind, self.manager.stream(kind, spec))


async def open_session(
    workspace: Workspace,
    on_change: Callable[[tuple[JobView, ...]], None],
    on_end: Callable[[JobView], None],
) -> Session:
    """Open a workspace, as its writer where nobody else is, and say what is not as it should be.

    `on_change` and `on_end` are told of the jobs under way: see `LiveJobs`.

    Raises:
        Exception: the store cannot be opened at all; its own words say why.
    """
    notices: list[Notice] = []
    persona, settings = await asyncio.to_thread(_read, workspace, notices)
    try:
        store = await AsyncStore.open(workspace.database)
    except StoreLocked as error:
        store = await AsyncStore.open(workspace.database, readonly=True)
        notices.append(Notice(f"Read-only: {error} This studio follows and changes nothing.", "info"))
    notices.extend(Notice(note, "warning") for note in store.notes)
    manager = JobManager(workspace, store)
    live = LiveJobs(manager, on_change, on_end)
    return Session(workspace, store, manager, live, settings, persona, tuple(notices))


def _read(workspace: Workspace, notices: list[Notice]) -> tuple[Persona | None, Settings]:
    persona: Persona | None = None
    settings = Settings()
    try:
        persona = load_persona(workspace.persona_file)
    except ConfigError as error:
        notices.append(_broken(error, "Until it is mended there are no phases, gates and targets."))
    try:
        settings = load_settings()
    except ConfigError as error:
        notices.append(_broken(error, "Until it is mended the defaults are used."))
    return persona, settings


def _broken(error: ConfigError, meanwhile: str) -> Notice:
    first, more = error.problems[0], len(error.problems) - 1
    others = f" And {more} more." if more else ""
    return Notice(f"{first}.{others} {meanwhile}", "error")
