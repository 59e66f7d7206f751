"""`jessy-studio doctor`: is everything here that the studio needs, and what is the fix where not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from studio.commands.failure import DONE, FAILED, print_json
from studio.commands.options import json_option
from studio.workspace import Workspace, WorkspaceNotFoundError

if TYPE_CHECKING:
    from rich.console import Console

    from studio.commands.checks.base import Check

_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red")}


@click.command("doctor")
@click.option(
    "-w", "--workspace", type=click.Path(path_type=Path), help="Look at this workspace's files as well."
)
@json_option
@click.pass_context
def command(ctx: click.Context, workspace: Path | None, as_json: bool) -> None:
    """Check this machine. Exit code 0 where only optional parts are missing, 1 where it cannot work."""
    place = _workspace(workspace or ctx.find_root().obj)
    checks: list[Check] = []
    if as_json:
        checks.extend(_checks(place))
        ok = all(check.state != "failed" for check in checks)
        print_json({"type": "doctor", "ok": ok, "checks": [asdict(check) for check in checks]})
    else:
        from rich.console import Console

        console = Console(highlight=False)
        # Measuring takes a few seconds, in which something should move.
        with console.status("checking …") if console.is_terminal else nullcontext():
            for check in _checks(place):
                checks.append(check)
                _print(console, check)
        ok = all(check.state != "failed" for check in checks)
        console.print("Ready." if ok else "Not ready: see the lines with ✗.")
    ctx.exit(DONE if ok else FAILED)


def _workspace(chosen: Path | None) -> Workspace | None:
    """Return the workspace that was named, or the current folder's; a machine can be checked without one."""
    try:
        return Workspace.find(chosen)
    except WorkspaceNotFoundError as error:
        if chosen is not None:
            raise click.UsageError(str(error)) from error
        return None


def _checks(workspace: Workspace | None) -> Iterator[Check]:
    from studio.commands.checks import content, machine, mlx, python, services

    yield python.check_python()
    yield python.check_packages()
    yield mlx.check_mlx()
    yield python.check_embedded_base()
    yield services.check_key()
    yield services.check_ollama()
    yield services.check_settings()
    yield machine.check_disk(workspace.root if workspace else Path.cwd())
    yield machine.check_memory()
    yield machine.check_terminal()
    if workspace is not None:
        yield content.check_content(workspace)


def _print(console: Console, check: Check) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from widgets.safe import safe

    sign, style = _SIGNS[check.state]
    # A person's lines break at words; a program's, in a pipe, do not break at all.
    whole = not console.is_terminal
    console.print(Text.assemble((f"{sign} {check.name:<14}", style), safe(check.found)), soft_wrap=whole)
    if check.fix:
        fix = Text(f"→ {safe(check.fix)}", style=style)
        console.print(Text("  ").append_text(fix) if whole else Padding(fix, (0, 0, 0, 2)), soft_wrap=whole)
