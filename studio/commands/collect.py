"""`jessy-studio collect`: the files that sources.toml names become source documents."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import in_workspace, json_option
from studio.commands.running import run_short
from studio.workspace import Workspace


@click.command("collect")
@click.argument("folders", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--preview", "--dry-run", "dry_run", is_flag=True, help="Say what would be stored; store nothing."
)
@json_option
@in_workspace
@click.pass_context
def command(
    ctx: click.Context,
    workspace: Workspace,
    /,
    *,
    folders: tuple[Path, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Collect what data/sources.toml names, in the workspace and in FOLDERS; unchanged files are not stored again.

    FOLDERS are where sources without a root of their own look as well. They are remembered in data/sources.toml.
    What a .gitignore leaves out, links that lead away, binaries and files that are too large are listed and left
    out; files with what looks like a key or a password are held back.
    """
    from studio.jobs.collect.job import Spec
    from studio.jobs.collect.survey import as_written

    spec = Spec(dry_run=dry_run, folders=tuple(as_written(workspace, folder) for folder in folders))
    ctx.exit(run_short("collect", spec, workspace, as_json=as_json, changes_documents=not dry_run))
