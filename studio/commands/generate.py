"""`jessy-studio generate`: examples by recipe from a teacher."""

from __future__ import annotations

from typing import Any

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
@click.option("--category", "categories", multiple=True, help="Only recipes of this category.")
@click.option("--slot", "slots", multiple=True, metavar="RECIPE/SLOT", help="Only this slot of a recipe.")
@click.option("--count", type=click.IntRange(min=1), help="Examples of each recipe in all [its target].")
@click.option("--more", type=click.IntRange(min=1), help="So many of each recipe beyond what is there.")
@click.option(
    "--budget", "budget_usd", type=click.FloatRange(min=0, min_open=True), help="US dollars at most."
)
@click.option(
    "--max-tokens", type=click.IntRange(min=256), help="Output tokens of one request at most [8192]."
)
@click.option(
    "--concurrency", type=click.IntRange(1, 256), help="Requests at a time at most [as the server allows]."
)
@click.option("--batch", is_flag=True, help="As Message Batches: half the price, within a day.")
@click.option(
    "--preview",
    is_flag=True,
    help="Three examples of each recipe with prompt, reply and cost; order nothing.",
)
@click.option(
    "--quote", is_flag=True, help="What the order would cost, and what would fit the budget; order nothing."
)
@click.option("--agree", is_flag=True, help="Agree to what leaves this machine; it is listed, and kept.")
@click.option(
    "--steer",
    metavar="JOB",
    help="Change --concurrency, --budget or the order of --recipe of a job, or ask again for a --slot.",
)
@click.option("--pause", metavar="JOB", help="Let a running job pause; --resume lets it go on.")
@click.option("--stop", metavar="JOB", help="Let a running job stop; what it has is kept.")
@click.option("--cancel", metavar="JOB", help="Cancel a job's batches; what is done of them is collected.")
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
    preview: bool,
    quote: bool,
    agree: bool,
    steer: str | None,
    pause: str | None,
    stop: str | None,
    cancel: str | None,
    **order: Any,
) -> None:
    """Order examples until each recipe has what is wanted of it, or top up a slot, a recipe or a category."""
    from studio.commands import ordering, steering
    from studio.jobs.generate.order import Spec

    if job := steer or cancel:
        ctx.exit(steering.change(job, workspace, order, cancel=bool(cancel)))
    if job := pause or stop:
        ctx.exit(steering.hold(job, workspace, "pause" if pause else "stop"))
    if resume:
        steering.change(resume, workspace, order, quiet=True)
        ctx.exit(resume_long(resume, workspace, as_json=as_json, detach=detach))
    spec = Spec.model_validate({name: value for name, value in order.items() if value is not None})
    if preview:
        ctx.exit(ordering.preview(spec, workspace, as_json=as_json, agreed=agree))
    if quote:
        ctx.exit(ordering.quote(spec, workspace, as_json=as_json))
    ordering.before(spec, workspace, as_json=as_json, agreed=agree)
    ctx.exit(run_long("generate", spec, workspace, as_json=as_json, detach=detach))
