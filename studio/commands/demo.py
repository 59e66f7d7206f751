"""`jessy-studio demo [DIR]`: the whole chain on a real model, from sources to a chat turn, in one go."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import aclosing
from pathlib import Path

import click

from studio.commands.failure import DONE, FAILED, INTERRUPTED, print_json
from studio.commands.options import json_option
from studio.commands.render import Renderer, renderer
from studio.commands.session import Session, open_session
from studio.demo import create_demo
from studio.jobs.chain import Step, next_step, ollama_answers
from studio.jobs.events import Failed, Finished, Replied
from studio.jobs.failure import failure
from studio.jobs.steps import run_step
from studio.workspace import Workspace


@click.command("demo")
@click.argument("folder", metavar="[DIR]", default=".demo", type=click.Path(file_okay=False, path_type=Path))
@click.option("--headless", is_flag=True, help="Run the chain here, even in a terminal.")
@json_option
@click.pass_context
def command(ctx: click.Context, folder: Path, headless: bool, as_json: bool) -> None:
    """Take a real model to a persona: collect, generate, review, train, validate, deploy, chat.

    In a terminal the studio opens on the demo workspace, and Enter runs the next step. Without one, or with
    --headless, the chain runs here. A second call goes on where the first one stopped.
    """
    workspace = create_demo(folder)
    if not (headless or as_json) and sys.stdin.isatty() and sys.stdout.isatty():
        from studio.commands.open import command as open_command

        ctx.invoke(open_command, workspace=workspace.root)
    try:
        ctx.exit(asyncio.run(_chain(workspace, as_json=as_json)))
    except KeyboardInterrupt:
        with renderer(as_json=as_json) as show:
            show.note("Stopped. A running job goes on by itself; the same command goes on from here.")
        ctx.exit(INTERRUPTED)


async def _chain(workspace: Workspace, *, as_json: bool) -> int:
    """Run step after step until nothing is next, a step fails or another process has the workspace."""
    times: dict[str, float] = {}
    reply: Replied | None = None
    async with open_session(workspace) as session:
        session.must_write()
        async with session.manager.watching():
            while step := await next_step(workspace, session.store):
                if step.name == "chat" and not await ollama_answers(workspace):
                    with renderer(as_json=as_json) as show:
                        show.note(
                            "No Ollama server answers, so nothing is deployed; the chat uses a local process."
                        )
                began = time.monotonic()
                with renderer(as_json=as_json) as show:
                    ended, said = await _step(step, session, show)
                times[step.name] = times.get(step.name, 0.0) + time.monotonic() - began
                reply = said or reply
                if not ended:
                    return FAILED
    await _closing(workspace, times, reply, as_json=as_json)
    return DONE


async def _step(step: Step, session: Session, show: Renderer) -> tuple[bool, Replied | None]:
    """Show one step; return whether it has its result, and the reply where it made one."""
    show.note(f"{step.name}: {step.sentence}")
    done = False
    reply = None
    try:
        async with aclosing(run_step(step, session.workspace, session.store, session.manager)) as events:
            async for event in events:
                show.show(event)
                if isinstance(event, Replied):
                    reply, done = event, True
                elif isinstance(event, Finished):
                    done = event.state == "done"
                elif isinstance(event, Failed):
                    done = False
    except Exception as error:
        show.show(
            failure(
                error,
                kept="All earlier steps are kept.",
                to_do="Remove the cause, then run the same command again.",
                log_path=None,
            )
        )
        return False, None
    # What the step saved has to be in the store before the next one is looked for.
    await session.manager.ingest()
    return done, reply


async def _closing(
    workspace: Workspace, times: dict[str, float], reply: Replied | None, *, as_json: bool
) -> None:
    """Print the scorecard, the chat turn and the time of each step."""
    if as_json:
        print_json(
            {
                "type": "demo",
                "workspace": str(workspace.root),
                "seconds": {name: round(seconds, 1) for name, seconds in times.items()},
                "reply": reply.model_dump(mode="json") if reply else None,
            }
        )
        return
    from studio.commands.scorecard import print_newest
    from widgets.safe import safe

    await print_newest(workspace)
    if reply:
        click.echo(f"\nJESSY ({safe(reply.model)}): {safe(reply.text)}")
    if times:
        click.echo("\n" + " · ".join(f"{name} {seconds:.0f} s" for name, seconds in times.items()))
    else:
        click.echo(
            f"The chain in {workspace.root} has been gone through; open it with: jessy-studio {workspace.root}"
        )
