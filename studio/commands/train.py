"""`jessy-studio train`: a LoRA run on the accepted examples."""

from __future__ import annotations

import click

from studio.commands.options import in_workspace, json_option, long_job_options
from studio.commands.running import resume_long, run_long
from studio.workspace import Workspace


@click.command("train")
@click.option("--name", default="", help="The run's name [the next free: r1, r2, …].")
@click.option("--base", help="Embedded base, model folder or Hub id.")
@click.option("--from-checkpoint", help="Begin from another run's adapter (a folder in the workspace).")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the data.")
@click.option("--max-steps", type=click.IntRange(min=1), help="End after so many optimizer updates.")
@click.option(
    "--learning-rate", type=click.FloatRange(min=0, min_open=True), help="The highest, after the warmup."
)
@click.option("--rank", type=click.IntRange(min=1), help="Rank of the adapters.")
@click.option("--batch", type=click.IntRange(min=1), help="Examples in one pass.")
@click.option("--accumulation", type=click.IntRange(min=1), help="Passes in one step.")
@click.option("--seed", type=click.IntRange(min=0), help="Of first values, order and dropout.")
@long_job_options
@json_option
@in_workspace
@click.pass_context
def command(
    ctx: click.Context,
    workspace: Workspace,
    /,
    *,
    name: str,
    base: str | None,
    from_checkpoint: str | None,
    detach: bool,
    resume: str | None,
    as_json: bool,
    **changed: object,
) -> None:
    """Train with the plan's settings, with what data/training.toml changes in them, and the options here.

    Ctrl-C stops at the next step and saves; --resume goes on from there exactly.
    """
    from studio.jobs.train.config import Spec, TrainingConfig
    from studio.jobs.train.defaults import default_config, default_spec

    if resume:
        ctx.exit(resume_long(resume, workspace, as_json=as_json, detach=detach, stop="stop_and_save"))
    settings = default_config(workspace).model_dump() | {k: v for k, v in changed.items() if v is not None}
    spec = Spec(
        name=name,
        base=base or default_spec(workspace).base,
        config=TrainingConfig.model_validate(settings),
        from_checkpoint=from_checkpoint,
    )
    ctx.exit(run_long("train", spec, workspace, as_json=as_json, detach=detach, stop="stop_and_save"))
