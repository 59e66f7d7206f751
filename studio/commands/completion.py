"""`jessy-studio completion SHELL`: click's own completion script."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")
_WHERE = {
    "bash": 'eval "$(jessy-studio completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(jessy-studio completion zsh)" in ~/.zshrc, after compinit',
    "fish": "jessy-studio completion fish > ~/.config/fish/completions/jessy-studio.fish",
}


@click.command("completion", epilog=" · ".join(_WHERE.values()))
@click.argument("shell", required=False, type=click.Choice(_SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str | None) -> None:
    """Print the completion script of SHELL (default: the one that SHELL in the environment names)."""
    name = shell or Path(os.environ.get("SHELL", "")).name
    made_by = get_completion_class(name) if name in _SHELLS else None
    if made_by is None:
        raise click.UsageError(f"Name a shell: {', '.join(_SHELLS)}.")
    root = ctx.find_root()
    program = root.info_name or "jessy-studio"
    variable = f"_{program.replace('-', '_')}_COMPLETE".upper()
    click.echo(made_by(root.command, {}, program, variable).source())
