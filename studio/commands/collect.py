"""`jessy-studio collect`: the files that sources.toml names become source documents."""

from __future__ import annotations

import click

from studio.commands.options import in_workspace, json_option
from studio.commands.running import run_short
from studio.workspace import Workspace


@click.command("collect")
@click.option("--dry-run", is_flag=True, help="Say what would be stored; store nothing.")
@json_option
@in_workspace
@click.pass_context
def command(ctx: click.Context, workspace: Workspace, /, *, dry_run: bool, as_json: bool) -> None:
    """Collect what data/sources.toml names; unchanged files are not stored again."""
    from studio.jobs.collect.job import Spec

    ctx.exit(run_short("collect", Spec(dry_run=dry_run), workspace, as_json=as_json))
