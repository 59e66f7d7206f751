"""The options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from studio.workspace import Workspace, WorkspaceNotFoundError

P = ParamSpec("P")
R = TypeVar("R")

WORKSPACE_VARIABLE = "JESSY_WORKSPACE"

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")


def long_job_options(function: Callable[P, R]) -> Callable[P, R]:
    """Give the command of a long job `--detach` and `--resume JOB`."""
    detach = click.option("--detach", is_flag=True, help="Start it and leave; it runs by itself.")
    resume = click.option(
        "--resume", metavar="JOB", help="Go on with a job that ended early: its id or its folder's name."
    )
    return detach(resume(function))


def in_workspace(function: Callable[Concatenate[Workspace, P], R]) -> Callable[P, R]:
    """Give a command `-w/--workspace` and pass it the workspace as its first argument."""

    @click.option(
        "-w",
        "--workspace",
        "chosen",
        type=click.Path(path_type=Path),
        help=f"The workspace; otherwise {WORKSPACE_VARIABLE}, then the current folder.",
    )
    @wraps(function)
    def with_workspace(*args: P.args, **kwargs: P.kwargs) -> R:
        chosen: Any = kwargs.pop("chosen", None)
        return function(find_workspace(chosen), *args, **kwargs)

    return with_workspace


def find_workspace(chosen: Path | None = None) -> Workspace:
    """Return the workspace that was named: here, before the command, or in JESSY_WORKSPACE; else the current folder.

    Raises:
        click.UsageError: there is no workspace at that place.
    """
    import os

    place = chosen or click.get_current_context().find_root().obj
    if place is None and (named := os.environ.get(WORKSPACE_VARIABLE)):
        place = Path(named)
    try:
        return Workspace.find(place)
    except WorkspaceNotFoundError as error:
        raise click.UsageError(str(error)) from error
