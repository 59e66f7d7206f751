"""Running a job from the command line: events are shown, Ctrl-C stops it cleanly, an exit code says the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, nullcontext
from pathlib import PurePosixPath

from pydantic import BaseModel

from store.models import JobRecord
from studio.commands.failure import DONE, FAILED, INTERRUPTED
from studio.commands.render import Renderer, renderer
from studio.commands.session import Session, open_session
from studio.commands.watch import Stop, Watch
from studio.jobs.events import Event, Failed
from studio.workspace import Workspace

Begun = tuple[JobRecord, int]
"""A job that was started or resumed, and the number of its last event before that."""


def run_short(
    kind: str, spec: BaseModel, workspace: Workspace, *, as_json: bool, changes_documents: bool = True
) -> int:
    """Run a short job to its end in this process and return the exit code.

    Args:
        kind: a short kind of `studio.jobs.registry`.
        spec: the kind's `Spec`.
        workspace: where.
        as_json: JSON lines instead of words.
        changes_documents: the job writes documents, so that it is refused where another process has the workspace.

    Raises:
        CommandError: another process has the workspace.
    """

    async def run() -> int:
        async with open_session(workspace, readonly=not changes_documents) as session:
            if changes_documents:
                session.must_write()
            with renderer(as_json=as_json) as show:
                return await _short(session, kind, spec, show)

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        with renderer(as_json=as_json) as show:
            show.note("Stopped. What was saved is kept; the same command does the rest.")
        return INTERRUPTED


def run_long(
    kind: str,
    spec: BaseModel,
    workspace: Workspace,
    *,
    as_json: bool,
    title: str | None = None,
    detach: bool = False,
    stop: Stop = "stop",
) -> int:
    """Start a long job, show its events until it ends and return the exit code.

    The job is a process of its own. Ctrl-C asks it to stop and waits for that; a second Ctrl-C leaves it to
    stop alone. With `detach` it is started and left.

    Raises:
        JobError: it could not be started.
    """

    async def start(session: Session) -> Begun:
        return await session.manager.start(kind, spec, title), 0

    return asyncio.run(_long(workspace, start, as_json=as_json, detach=detach, stop=stop))


def resume_long(
    named: str, workspace: Workspace, *, as_json: bool, detach: bool = False, stop: Stop = "stop"
) -> int:
    """Go on with a job that ended early, show what it says from here on and return the exit code.

    `named` is its id, the beginning of it, or the name of its folder, such as `r1` of a training run.

    Raises:
        JobError: there is no such job, or it cannot go on.
    """

    async def resume(session: Session) -> Begun:
        # What the job said before has been shown already.
        before = await session.manager.record(await _job_id(session, named))
        return await session.manager.resume(before.id), before.ingested

    return asyncio.run(_long(workspace, resume, as_json=as_json, detach=detach, stop=stop))


async def _job_id(session: Session, named: str) -> str:
    """Return the id of the job that a person means; an unknown name as it is, for the manager to refuse."""
    records = await session.manager.records()
    folders = [record.id for record in records if PurePosixPath(record.folder).name == named]
    begun = [record.id for record in records if record.id.startswith(named)]
    return next((found[0] for found in (folders, begun) if len(found) == 1), named)


async def _short(session: Session, kind: str, spec: BaseModel, show: Renderer) -> int:
    last: Event | None = None
    async with aclosing(session.manager.stream(kind, spec)) as stream:
        async for event in stream:
            show.show(event)
            last = event
    return FAILED if isinstance(last, Failed) else DONE


async def _long(
    workspace: Workspace,
    begin: Callable[[Session], Awaitable[Begun]],
    *,
    as_json: bool,
    detach: bool,
    stop: Stop,
) -> int:
    async with open_session(workspace) as session:
        with renderer(as_json=as_json) as show:
            if not session.writes:
                show.note("The studio has the workspace: it takes in what this job makes.")
            record, after = await begin(session)
            show.began(record)
            if detach:
                show.note("It runs by itself; jessy-studio status and the studio say how far it is.")
                return DONE
            async with session.manager.watching() if session.writes else nullcontext():
                return await Watch(session, record, after, show, stop).run()
