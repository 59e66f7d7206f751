"""`jessy-studio generate`: examples by recipe from a teacher."""

from __future__ import annotations

import click

from studio.commands.options import in_workspace, json_option, long_job_options
from studio.commands.running import resume_long, run_long
from studio.workspace import Workspace


@click.command("generate")
@click.option(
    "--teacher",
    type=click.Choice(["offline", "anthropic", "ollama"]),
    default="offline",
    show_default=True,
    help="Who writes them; offline composes from the hand-written starter data.",
)
@click.option("--model", help="The teacher's model; Ollama needs one.")
@click.option("--base-url", help="Another server that speaks the Messages API.")
@click.option("--recipe", "recipes", multiple=True, help="Only this recipe; may be given several times.")
@click.option("--count", type=click.IntRange(min=1), help="Examples of each recipe in all [its target].")
@click.option(
    "--budget", "budget_usd", type=click.FloatRange(min=0, min_open=True), help="US dollars at most."
)
@click.option(
    "--concurrency", type=click.IntRange(1, 64), default=4, show_default=True, help="Requests at a time."
)
@long_job_options
@json_option
@in_workspace
@click.pass_context
def command(
    ctx: click.Context,
    workspace: Workspace,
    /,
    *,
    detach: bool,
    resume: str | None,
    as_json: bool,
    **order: object,
) -> None:
    """Order examples until each recipe has what is wanted of it."""
    from studio.jobs.generate.order import Spec

    if resume:
        ctx.exit(resume_long(resume, workspace, as_json=as_json, detach=detach))
    ctx.exit(run_long("generate", Spec.model_validate(order), workspace, as_json=as_json, detach=detach))
