"""`jessy-studio backup [FILE]`: the database in one file, consistent while jobs run."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import click

from studio.commands.failure import CommandError, print_json
from studio.commands.options import in_workspace, json_option
from studio.workspace import Workspace


@click.command("backup")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@in_workspace
@json_option
def command(workspace: Workspace, file: Path | None, as_json: bool) -> None:
    """Write the database into FILE (default: a new file in data/backups/). It may run beside the studio."""
    target = (
        (file or workspace.backups / f"jessy-{datetime.now():%Y%m%d-%H%M%S}.jsonl.gz").expanduser().absolute()
    )
    if target.exists():
        raise CommandError(f"There is a file {target} already.", to_do="Name another one.")
    try:
        total = asyncio.run(_backup(workspace, target))
        size = target.stat().st_size
    except OSError as error:
        raise CommandError(
            f"The backup could not be written: {error.strerror or error}.",
            kept="The database is as it was.",
            to_do="Name a folder with room in it that you may write to.",
        ) from error
    if as_json:
        print_json({"type": "backup", "file": str(target), "documents": total, "bytes": size})
        return
    from widgets.format import count
    from widgets.format import size as in_words
    from widgets.safe import safe_line

    click.echo(f"{safe_line(str(target))}: {count(total)} documents, {in_words(size)}")


async def _backup(workspace: Workspace, target: Path) -> int:
    from studio.commands.session import open_session

    async with open_session(workspace, readonly=True) as session:
        target.parent.mkdir(parents=True, exist_ok=True)
        return await session.store.run(lambda store: store.backup(target))
