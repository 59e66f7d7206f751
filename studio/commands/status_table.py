"""The figures of a workspace as a table for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from widgets.format import count, money, percent
from widgets.safe import rich_text, safe_line

_STATUSES = (("accepted", "✓"), ("pending", "·"), ("flagged", "⚑"), ("rejected", "✗"))
_JOBS_SHOWN = 8


def print_status(report: dict[str, Any]) -> None:
    """Print what `status --json` says, in the order in which one works."""
    console = Console(highlight=False)
    console.print(Text(safe_line(report["workspace"]), style="bold"))
    for text in report["problems"]:
        console.print(Text.assemble(("! ", "yellow"), rich_text(text)))
    for text in report["notes"]:
        console.print(Text.assemble(("! ", "yellow"), rich_text(text)))
    _print_examples(console, report["examples"])
    _print_jobs(console, report["jobs"])
    _print_models(console, report)
    if report["spent_usd"]:
        console.print(f"spent     {money(report['spent_usd'])}")


def _print_examples(console: Console, examples: dict[str, Any]) -> None:
    if not examples["total"]:
        console.print("examples  none yet; jessy-studio opens the studio, which says how to begin")
        return
    by_status = examples["by_status"]
    parts = [f"{sign} {count(by_status.get(status, 0))} {status}" for status, sign in _STATUSES]
    console.print(f"examples  {count(examples['total'])}   " + "   ".join(parts))
    table = Table(box=None, show_header=False, padding=(0, 3, 0, 0))
    table.add_column("category")
    table.add_column("examples", justify="right")
    for category, number in sorted(examples["by_category"].items()):
        table.add_row(rich_text(f"          {safe_line(category)}"), count(number))
    console.print(table)
    splits = {
        name: number for name, number in examples["by_split"].items() if number and name != "unassigned"
    }
    if splits:
        console.print("splits    " + "   ".join(f"{count(number)} {name}" for name, number in splits.items()))


def _print_jobs(console: Console, jobs: list[dict[str, Any]]) -> None:
    for place, job in enumerate(jobs[:_JOBS_SHOWN]):
        total = f"/{count(job['total'])}" if job["total"] else ""
        done = f"{count(job['done'])}{total} {job['unit']}" if job["unit"] else ""
        words = [job["title"] or job["kind"], job["state"], done, job["error"] or ""]
        line = " · ".join(safe_line(word, 80) for word in words if word)
        console.print(
            rich_text(f"{'jobs' if place == 0 else '':<10}{line}"), soft_wrap=not console.is_terminal
        )
    if len(jobs) > _JOBS_SHOWN:
        console.print(f"          and {count(len(jobs) - _JOBS_SHOWN)} more")


def _print_models(console: Console, report: dict[str, Any]) -> None:
    if runs := report["runs"]:
        last = runs[-1]
        loss = (
            f" · validation loss {last['best_valid_loss']:.3f}" if last["best_valid_loss"] is not None else ""
        )
        console.print(
            rich_text(f"runs      {count(len(runs))}, last {safe_line(last['name'])} {last['state']}{loss}")
        )
    if cards := report["scorecards"]:
        console.print(f"scorecards {count(len(cards))}")
        for subject in cards[-1]["subjects"]:
            scores = "  ".join(f"{suite['suite']} {percent(suite['mean'])}" for suite in subject["suites"])
            console.print(
                rich_text(f"          {safe_line(subject['subject']):<16} {safe_line(scores)}"),
                soft_wrap=not console.is_terminal,
            )
    for deployment in report["deployments"]:
        current = " · current" if deployment["current"] else ""
        console.print(rich_text(f"deployed  {safe_line(deployment['tag'])}{current}"))
