"""What `generate` changes of a job while it runs, or before it goes on: pace, cap, order, slots, pause, stop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import ValidationError

from store.models import JobRecord
from studio.commands.failure import DONE, CommandError
from studio.commands.render import renderer
from studio.commands.session import Session, open_session
from studio.jobs.events import JobError
from studio.workspace import Workspace


def change(
    named: str, workspace: Workspace, order: Mapping[str, Any], *, cancel: bool = False, quiet: bool = False
) -> int:
    """Steer a job of generate that runs, or before it goes on; it takes the change in within a second.

    Raises:
        JobError: there is no such job.
        CommandError: nothing was named that can be changed.
    """
    from studio.jobs.generate.steering import steer

    wishes = {name: order[name] for name in ("concurrency", "budget_usd", "recipes") if order.get(name)}
    if order.get("slots"):
        wishes["again"] = order["slots"]
    if cancel:
        wishes["cancel"] = True
    if not wishes:
        if quiet:
            return DONE
        raise CommandError(
            "Name what to change: --concurrency, --budget, --recipe in the new order, or --slot to ask again."
        )

    async def place() -> str:
        async with open_session(workspace, readonly=True) as session:
            return (await _job(session, named)).folder

    folder = workspace.inside(asyncio.run(place()))
    try:
        steer(folder, **wishes)
    except ValidationError as error:
        raise CommandError(str(error.errors(include_url=False)[0]["msg"])) from error
    if not quiet:
        _say("Done; a running job takes it in within a second.")
    return DONE


def hold(named: str, workspace: Workspace, command: Literal["pause", "stop"]) -> int:
    """Let a running job pause or stop; what is in flight comes home first.

    Raises:
        JobError: there is no such job, or it does not run.
    """

    async def ask() -> str:
        async with open_session(workspace, readonly=True) as session:
            job = await _job(session, named)
            session.manager.request(job.id, command)
            return job.id

    job_id = asyncio.run(ask())
    word = "pauses" if command == "pause" else "stops"
    _say(f"It {word} once what is in flight is home. Go on with: jessy-studio generate --resume {job_id[:8]}")
    return DONE


async def _job(session: Session, named: str) -> JobRecord:
    found = [
        record
        for record in await session.manager.records()
        if record.kind == "generate"
        and (record.id.startswith(named) or PurePosixPath(record.folder).name == named)
    ]
    if len(found) != 1:
        raise JobError(
            f"There is no generate job {named}.",
            kept="Nothing was changed.",
            to_do="See `jessy-studio status` for the jobs.",
        )
    return found[0]


def _say(text: str) -> None:
    with renderer(as_json=False) as show:
        show.note(text)
