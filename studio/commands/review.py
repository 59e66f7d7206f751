"""`jessy-studio review`: a named policy decides on all examples that match; by hand one reviews in the studio."""

from __future__ import annotations

import click

from studio.commands.failure import DONE
from studio.commands.options import in_workspace, json_option
from studio.commands.running import run_short
from studio.workspace import Workspace


@click.command("review")
@click.argument("action", type=click.Choice(["accept", "reject", "flag", "reset"]))
@click.option(
    "--policy",
    type=click.Choice(["passes-its-recipe", "all"]),
    default="passes-its-recipe",
    show_default=True,
    help="Which of the matching examples it takes.",
)
@click.option(
    "--status",
    type=click.Choice(["pending", "accepted", "rejected", "flagged"]),
    default="pending",
    show_default=True,
    help="Only examples with this status.",
)
@click.option("--category", help="Only this category.")
@click.option("--recipe", help="Only this recipe.")
@click.option("--reason", help="Kept with each decision.")
@click.option("--dry-run", is_flag=True, help="Count them; change nothing.")
@json_option
@in_workspace
@click.pass_context
def command(ctx: click.Context, workspace: Workspace, /, *, as_json: bool, **choice: object) -> None:
    """Accept, reject, flag or reset every example that matches, as one undoable act."""
    from studio.jobs.review.job import Spec
    from studio.jobs.signals.job import Spec as SignalsSpec

    # What the policy looks at is measured first, so that it never decides on an unmeasured example.
    code = run_short("signals", SignalsSpec(), workspace, as_json=as_json)
    if code == DONE:
        code = run_short("review", Spec.model_validate(choice), workspace, as_json=as_json)
    ctx.exit(code)
