"""`jessy-studio [WORKSPACE]`: the studio itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from studio.commands.failure import CommandError
from studio.commands.options import find_workspace


@click.command("open")
@click.argument("workspace", required=False, type=click.Path(path_type=Path))
@click.pass_context
def command(ctx: click.Context, workspace: Path | None) -> None:
    """Open the studio on WORKSPACE."""
    place = find_workspace(workspace)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError(
            "The studio needs a terminal, and this is a pipe or a file.",
            kept="",
            to_do="Use the commands here: jessy-studio --help lists them.",
        )
    # How long a lone Esc waits for the rest of a key's sequence, in ms; Textual reads it when it is imported.
    os.environ.setdefault("ESCDELAY", "30")
    from studio.app import StudioApp

    app = StudioApp(place)
    app.run()
    ctx.exit(app.return_code or 0)
