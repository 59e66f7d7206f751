"""`jessy-studio restore FILE`: the database as it was at a backup; what is there now is kept beside it."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.failure import CommandError, print_json
from studio.commands.options import in_workspace, json_option
from studio.workspace import Workspace


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@in_workspace
@json_option
def command(workspace: Workspace, file: Path, as_json: bool) -> None:
    """Make the database what it was at the backup FILE. What is there now is kept in data/db/, aside."""
    from store.database import Store
    from store.errors import ArchiveDamaged, StoreLocked, StoreTooNew

    try:
        total = Store.restore(file, workspace.database)
    except StoreLocked as error:
        raise CommandError(
            f"The studio, or another command, has the workspace {workspace.root}.",
            to_do="Close it and try again.",
        ) from error
    except ArchiveDamaged as error:
        raise CommandError(f"{file} cannot be restored: {error}", to_do="Use another backup.") from error
    except StoreTooNew as error:
        raise CommandError(f"{file} cannot be restored: {error}", to_do="Update JESSY Studio.") from error
    if as_json:
        print_json({"type": "restore", "workspace": str(workspace.root), "documents": total})
        return
    from widgets.format import count
    from widgets.safe import safe_line

    click.echo(f"Restored {count(total)} documents into {safe_line(str(workspace.root))}.")
