"""`jessy-studio status`: what is in the workspace. It only reads, and may run beside the studio."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from studio.commands.failure import print_json
from studio.commands.options import in_workspace, json_option
from studio.workspace import Workspace

if TYPE_CHECKING:
    from store.database import Store
    from store.models import Scorecard


@click.command("status")
@in_workspace
@json_option
def command(workspace: Workspace, as_json: bool) -> None:
    """Say what is in the workspace: examples, jobs, runs, scorecards, deployments and the money spent."""
    report = asyncio.run(read_status(workspace))
    if as_json:
        print_json(report)
        return
    from studio.commands.status_table import print_status

    print_status(report)


async def read_status(workspace: Workspace) -> dict[str, Any]:
    """Return the workspace's figures in JSON's types; nothing is changed."""
    from studio.commands.checks.content import content_problems
    from studio.commands.session import open_session

    async with open_session(workspace, readonly=True) as session:
        jobs = await session.manager.records()
        documents = await session.store.run(_documents)
        counts = session.store.counts
        notes = [*session.store.notes]
    return {
        "type": "status",
        "workspace": str(workspace.root),
        "examples": {
            "total": counts.total,
            "by_status": dict(counts.by_status),
            "by_category": dict(counts.by_category),
            "by_split": dict(counts.by_split),
        },
        "jobs": [job.model_dump(mode="json") for job in jobs],
        **documents,
        "spent_usd": round(sum(job.spent_usd for job in jobs), 6),
        "problems": [str(problem) for problem in content_problems(workspace)],
        "notes": notes,
    }


def _documents(store: Store) -> dict[str, Any]:
    return {
        "runs": [run.model_dump(mode="json") for run in store.training_runs.find()],
        "scorecards": [_scorecard(card) for card in store.scorecards.find()],
        "deployments": [deployment.model_dump(mode="json") for deployment in store.deployments.find()],
    }


def _scorecard(card: Scorecard) -> dict[str, Any]:
    """Return a scorecard without its replies, which are megabytes."""
    return card.model_dump(mode="json", exclude={"subjects": {"__all__": {"results"}}})
