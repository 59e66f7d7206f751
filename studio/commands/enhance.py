"""`jessy-studio enhance`: the persona's signs, phrases and pictures come into examples that lack them."""

from __future__ import annotations

import click

from studio.commands.failure import DONE
from studio.commands.options import in_workspace, json_option
from studio.commands.running import run_short
from studio.workspace import Workspace


@click.command("enhance")
@click.option(
    "--preview", "--dry-run", "dry_run", is_flag=True, help="Show what would change; change nothing."
)
@click.option(
    "--show", type=click.IntRange(0), default=5, show_default=True, help="Of a preview: so many diffs."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed chooses other words.")
@click.option(
    "--status", type=click.Choice(["pending", "accepted", "flagged"]), help="Only examples with this status."
)
@click.option("--category", help="Only this category.")
@click.option("--recipe", help="Only this recipe.")
@click.option("--limit", type=click.IntRange(1), help="At most so many new versions.")
@json_option
@in_workspace
@click.pass_context
def command(ctx: click.Context, workspace: Workspace, /, *, as_json: bool, **choice: object) -> None:
    """Make new versions, pending, by the traits, phrases and metaphors of data/persona.toml.

    A sign that celebrates where success is the subject, a phrase in 30 % of the replies, a picture of a concept where
    something is explained. Never twice on one example and never inside code. One undo (u in Review) takes all back.
    """
    from studio.jobs.enhance.job import Spec
    from studio.jobs.signals.job import Spec as SignalsSpec

    spec = Spec.model_validate(choice)
    code = run_short("enhance", spec, workspace, as_json=as_json, changes_documents=not spec.dry_run)
    if code == DONE and not spec.dry_run:
        # The new words are measured, so that Review and its policies see them as they are.
        code = run_short("signals", SignalsSpec(), workspace, as_json=as_json)
    ctx.exit(code)
