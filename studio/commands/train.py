"""`jessy-studio train`: a LoRA run on the accepted examples."""

from __future__ import annotations

from typing import Literal

import click

from studio.commands.options import in_workspace, json_option, long_job_options
from studio.commands.running import resume_long, run_long
from studio.workspace import Workspace


@click.command("train")
@click.option("--name", default="", help="The run's name [the next free: r1, r2, …].")
@click.option("--base", help="Embedded base, model folder or Hub id.")
@click.option("--from-checkpoint", help="Begin from another run's adapter (a folder in the workspace).")
@click.option(
    "--method",
    type=click.Choice(["sft", "dpo", "orpo"]),
    help="Learn from accepted examples (sft) or from accepted preference pairs.",
)
@click.option(
    "--template",
    type=click.Choice(["chatml", "llama3", "gemma", "mistral", "phi3"]),
    help="Chat template for a base that has none.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the data.")
@click.option("--max-steps", type=click.IntRange(min=1), help="End after so many optimizer updates.")
@click.option(
    "--learning-rate", type=click.FloatRange(min=0, min_open=True), help="The highest, after the warmup."
)
@click.option("--adapter", type=click.Choice(["lora", "dora"]), help="Kind of adapter.")
@click.option("--targets", type=click.Choice(["attention", "all-linear"]), help="Which projections get one.")
@click.option("--layers", type=click.IntRange(min=1), help="Adapt the last so many layers only.")
@click.option("--rank", type=click.IntRange(min=1), help="Rank of the adapters.")
@click.option("--batch", type=click.IntRange(min=1), help="Examples in one pass.")
@click.option("--accumulation", type=click.IntRange(min=1), help="Passes in one step.")
@click.option("--patience", type=click.IntRange(min=1), help="Stop after so many looks without a gain.")
@click.option("--checkpointing/--no-checkpointing", default=None, help="Less memory, a third more time.")
@click.option(
    "--report-to",
    multiple=True,
    type=click.Choice(["wandb", "trackio"]),
    help="Send the figures to a tracker too (its extra has to be installed).",
)
@click.option("--safer", is_flag=True, help="With --resume: at settings that avoid what ended the run.")
@click.option(
    "--anyway", is_flag=True, help="With --resume: also where machine or packages differ, without asking."
)
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
    template: Literal["chatml", "llama3", "gemma", "mistral", "phi3"] | None,
    report_to: tuple[str, ...],
    safer: bool,
    anyway: bool,
    detach: bool,
    resume: str | None,
    as_json: bool,
    **changed: object,
) -> None:
    """Train with the plan's settings, with what data/training.toml changes in them, and the options here.

    Ctrl-C stops at the next step and saves; --resume goes on from there exactly. Preferences learn at a tenth of
    the learning rate unless told otherwise.
    """
    from studio.jobs.train.config import PREFERENCE_RATE, Spec, TrainingConfig
    from studio.jobs.train.defaults import default_config, default_spec

    if (safer or anyway) and not resume:
        raise click.UsageError("--safer and --anyway go with --resume.")
    if resume:
        _prepare_resume(workspace, resume, safer=safer, anyway=anyway)
        ctx.exit(resume_long(resume, workspace, as_json=as_json, detach=detach, stop="stop_and_save"))
    settings = default_config(workspace).model_dump() | {k: v for k, v in changed.items() if v is not None}
    if settings["method"] != "sft" and changed["learning_rate"] is None:
        settings["learning_rate"] *= PREFERENCE_RATE
    if report_to:
        settings["report_to"] = report_to
    spec = Spec(
        name=name,
        base=base or default_spec(workspace).base,
        config=TrainingConfig.model_validate(settings),
        from_checkpoint=from_checkpoint,
        template=template,
    )
    ctx.exit(run_long("train", spec, workspace, as_json=as_json, detach=detach, stop="stop_and_save"))


def _prepare_resume(workspace: Workspace, named: str, *, safer: bool, anyway: bool) -> None:
    """Write what the run's next life shall do otherwise into its folder.

    Raises:
        JobError: there is no such run, or nothing is known that would be safer.
    """
    from studio.jobs.process.folder import job_folders
    from studio.jobs.train.safer import accept_environment, make_safer

    if not (safer or anyway):
        return
    folder = next(
        (
            folder.path
            for folder in job_folders(workspace)
            if folder.path.name == named or folder.header().id.startswith(named)
        ),
        None,
    )
    if folder is None:
        raise click.UsageError(f"There is no run {named}: see jessy-studio status.")
    if safer:
        click.echo(f"Going on with {make_safer(folder).words}.", err=True)
    if anyway:
        accept_environment(folder)
