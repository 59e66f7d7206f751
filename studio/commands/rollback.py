"""`jessy-studio rollback`: the moving tag points at an earlier deployment again."""

from __future__ import annotations

import click

from studio.commands.options import in_workspace, json_option
from studio.commands.running import run_short
from studio.workspace import Workspace


@click.command("rollback")
@click.option("--tag", default="jessy-complete", show_default=True, help="The model's name in Ollama.")
@click.option("--to", help="Id or versioned tag of a deployment [the one before the current].")
@click.option("--host", help="The server [OLLAMA_HOST, then http://127.0.0.1:11434].")
@json_option
@in_workspace
@click.pass_context
def command(
    ctx: click.Context, workspace: Workspace, /, *, tag: str, to: str | None, host: str | None, as_json: bool
) -> None:
    """Point the tag at the deployment before the current one, or at a named one."""
    from studio.jobs.deploy.rollback import Spec

    ctx.exit(run_short("rollback", Spec(tag=tag, to=to, host=host), workspace, as_json=as_json))
