"""`jessy-studio rehearsal`: a long job that calls no model, to try the machinery of jobs on a machine."""

from __future__ import annotations

import click

from studio.commands.options import in_workspace, json_option, long_job_options
from studio.commands.running import resume_long, run_long
from studio.workspace import Workspace

KIND = "rehearsal"


@click.command(KIND, hidden=True)
@click.option("--documents", default=1_000, show_default=True, help="Examples to make.")
@click.option(
    "--pause", "pause_seconds", default=0.0, show_default=True, help="Mean wait between two, in seconds."
)
@click.option("--fail-at", type=int, help="Fail before this document.")
@long_job_options
@json_option
@in_workspace
@click.pass_context
def command(
    ctx: click.Context,
    workspace: Workspace,
    /,
    *,
    documents: int,
    pause_seconds: float,
    fail_at: int | None,
    detach: bool,
    resume: str | None,
    as_json: bool,
) -> None:
    """Make examples without meaning at an uneven pace."""
    from studio.jobs.rehearsal.job import Spec

    if resume:
        ctx.exit(resume_long(resume, workspace, as_json=as_json, detach=detach))
    spec = Spec(documents=documents, pause_seconds=pause_seconds, fail_at=fail_at)
    ctx.exit(run_long(KIND, spec, workspace, as_json=as_json, detach=detach))
