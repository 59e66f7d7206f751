"""`jessy-studio`: arguments only. A command's module is imported when the command is called."""

from __future__ import annotations

import importlib
import io
import os
import sys
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from studio.commands.failure import INTERRUPTED, show_failure

PROGRAM = "jessy-studio"

# One line a command: `studio/commands/<name>.py` has the click command as `command`. The words are its short help,
# which stands here so that `--help` imports none of them.
COMMANDS: dict[str, str] = {
    "open": "Open the studio; so does naming a workspace alone.",
    "demo": "Take a real model to a persona, the whole chain in one go.",
    "init": "Make a workspace.",
    "collect": "Collect the files that data/sources.toml names.",
    "generate": "Order examples by recipe from a teacher.",
    "enhance": "Put the persona's signs into examples that lack them.",
    "review": "Decide on all examples that match.",
    "train": "Train on the accepted examples.",
    "validate": "Score a checkpoint beside its base.",
    "deploy": "Make a checkpoint an Ollama model.",
    "rollback": "Point the tag at an earlier deployment.",
    "chat": "Talk to a model.",
    "status": "Say what is in the workspace.",
    "doctor": "Check this machine and say the fix for what is missing.",
    "backup": "Write the database into one file.",
    "restore": "Put the database back from a backup.",
    "completion": "Print the completion script of a shell.",
}

HIDDEN = {"rehearsal"}
"""Commands for those who work on the studio."""


class Commands(click.Group):
    """The commands, imported lazily; a folder in the place of a command opens it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return [*COMMANDS, *HIDDEN]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command; None where there is no such command."""
        if cmd_name not in COMMANDS and cmd_name not in HIDDEN:
            return None
        command: click.Command = importlib.import_module(f"studio.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` begin with, or `open` where they begin with a folder."""
        name = args[0]
        if name not in self.list_commands(ctx) and not name.startswith("-"):
            if not _is_place(name):
                raise click.UsageError(_unknown(name), ctx)
            args = ["open", *args]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete commands from the table, and folders."""
        found = [
            CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)
        ]
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [*found, CompletionItem(incomplete, type="dir")]


def _is_place(name: str) -> bool:
    return os.sep in name or name.startswith((".", "~")) or Path(name).exists()


def _unknown(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=1)
    return f"There is no command and no folder {name!r}." + (f" Did you mean {near[0]!r}?" if near else "")


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"{PROGRAM} {version(PROGRAM)}")
        ctx.exit()


@click.group(
    cls=Commands,
    invoke_without_command=True,
    subcommand_metavar="[WORKSPACE | COMMAND [ARGS]...]",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "-w",
    "--workspace",
    type=click.Path(path_type=Path),
    help="The workspace; otherwise JESSY_WORKSPACE, then the current folder.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version.",
)
@click.pass_context
def cli(ctx: click.Context, workspace: Path | None) -> None:
    """Take a language model to a persona: collect, generate, review, train, validate, deploy, chat.

    Without a command it opens the studio. Every command has --help; those that print something take --json.
    Exit codes: 0 done, 1 failed, 2 wrong arguments, 130 interrupted.
    """
    ctx.obj = workspace
    if ctx.invoked_subcommand is None:
        from studio.commands.open import command

        ctx.invoke(command)


def main() -> None:
    """Run the command line of this process and exit."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a ✓ shows a ? instead of a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 usage, 130 interrupted."""
    try:
        return cli.main(args=arguments, prog_name=PROGRAM, standalone_mode=False) or 0
    except click.Abort:
        return INTERRUPTED
    except KeyboardInterrupt:
        return INTERRUPTED
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        # Whoever read the output has gone, as `head` does; nothing is left to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return show_failure(error, as_json="--json" in arguments)
