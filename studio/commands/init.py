"""`jessy-studio init DIR`: a workspace with the default content."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.failure import CommandError, print_json
from studio.commands.options import json_option
from studio.workspace import Workspace


@click.command("init")
@click.argument("folder", metavar="DIR", default=".", type=click.Path(file_okay=False, path_type=Path))
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Make a workspace in DIR (default: the current folder). Files that are there already are kept."""
    was_there = Workspace(folder.expanduser().resolve()).exists()
    try:
        workspace = Workspace.create(folder)
    except OSError as error:
        raise CommandError(
            f"No workspace could be made in {folder}: {error.strerror or error}.",
            kept="What was there before is as it was.",
            to_do="Name a folder that you may write to.",
        ) from error
    if as_json:
        print_json({"type": "workspace", "workspace": str(workspace.root), "created": not was_there})
        return
    from widgets.safe import safe_line

    place = safe_line(str(workspace.root))
    click.echo(
        f"{place} is a workspace already; nothing in it was changed." if was_there else f"Made {place}."
    )
    if not was_there:
        click.echo(f"Open it with: jessy-studio {safe_line(str(folder))}")
