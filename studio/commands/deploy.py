"""`jessy-studio deploy`: a checkpoint becomes a proven Ollama model."""

from __future__ import annotations

import asyncio

import click

from studio.commands.failure import CommandError
from studio.commands.options import in_workspace, json_option, long_job_options
from studio.commands.running import resume_long, run_long
from studio.workspace import Workspace


@click.command("deploy")
@click.option("--run", help="Name of the training run whose best checkpoint it is [the newest].")
@click.option("--tag", help="The model's name in Ollama [jessy-complete].")
@click.option("--quantization", type=click.Choice(["f16", "q8_0", "q4_K_M"]), help="Of the weights [f16].")
@click.option("--host", help="The server [OLLAMA_HOST, then http://127.0.0.1:11434].")
@long_job_options
@json_option
@in_workspace
@click.pass_context
def command(
    ctx: click.Context,
    workspace: Workspace,
    /,
    *,
    run: str | None,
    detach: bool,
    resume: str | None,
    as_json: bool,
    **choice: object,
) -> None:
    """Fuse, import, prove, and move the tag only when every proof holds."""
    from studio.jobs.deploy.inputs import Spec

    if resume:
        ctx.exit(resume_long(resume, workspace, as_json=as_json, detach=detach))
    given = {key: value for key, value in choice.items() if value is not None}
    spec = Spec.model_validate({"checkpoint_id": asyncio.run(_checkpoint(workspace, run)), **given})
    ctx.exit(run_long("deploy", spec, workspace, as_json=as_json, detach=detach))


async def _checkpoint(workspace: Workspace, run: str | None) -> str:
    from studio.commands.session import open_session
    from studio.jobs.checkpoints import best_checkpoint

    async with open_session(workspace, readonly=True) as session:
        _, checkpoint = await session.store.run(lambda store: best_checkpoint(store, run))
    if checkpoint is None:
        raise CommandError(
            f"There is no checkpoint of {run or 'any run'} to deploy.",
            to_do="Train first: jessy-studio train",
        )
    return checkpoint.id
