"""`jessy-studio validate`: a run's best checkpoint beside its base, case by case."""

from __future__ import annotations

import asyncio

import click

from studio.commands.failure import DONE
from studio.commands.options import in_workspace, json_option, long_job_options
from studio.commands.running import resume_long, run_long
from studio.workspace import Workspace


@click.command("validate")
@click.option("--run", help="Name of the training run [the newest].")
@click.option("--suite", "suites", multiple=True, help="Only this suite; may be given several times.")
@click.option("--max-tokens", type=click.IntRange(min=8), help="Longest reply.")
@click.option("--cases", type=click.IntRange(min=1), help="The first so many of each suite [all].")
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
    **choice: object,
) -> None:
    """Have base, prompted base and checkpoint answer the same cases, and score the replies."""
    from studio.jobs.validate.defaults import default_spec
    from studio.jobs.validate.job import Spec

    if resume:
        code = resume_long(resume, workspace, as_json=as_json, detach=detach)
    else:
        changed = {key: value for key, value in choice.items() if value is not None}
        spec = Spec.model_validate(default_spec(workspace).model_dump() | changed)
        code = run_long("validate", spec, workspace, as_json=as_json, detach=detach)
    if code == DONE and not detach and not as_json:
        from studio.commands.scorecard import print_newest

        asyncio.run(print_newest(workspace))
    ctx.exit(code)
