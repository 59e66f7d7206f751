"""A scorecard as a table for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from store.models import PairedGain, Scorecard, SuiteScore
from studio.commands.session import open_session
from studio.workspace import Workspace
from widgets.safe import safe_line


async def print_newest(workspace: Workspace) -> None:
    """Print the scorecard that was made last; nothing where there is none."""
    async with open_session(workspace, readonly=True) as session:
        cards = await session.store.run(lambda store: store.scorecards.find())
    if cards:
        print_scorecard(max(cards, key=lambda card: card.created_at))


def print_scorecard(card: Scorecard) -> None:
    """Print a row a suite, a column a subject, and the gains of the last subject over the others."""
    table = Table(title="Scorecard", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("suite")
    table.add_column("target", justify="right")
    for subject in card.subjects:
        table.add_column(safe_line(subject.subject), justify="right")
    against = list(dict.fromkeys(gain.against for gain in card.gains))
    for name in against:
        table.add_column(f"against {safe_line(name)}", justify="right")
    for suite in card.subjects[0].suites:
        cells = [safe_line(suite.suite), f"{suite.target:.0%}"]
        for subject in card.subjects:
            found = next((score for score in subject.suites if score.suite == suite.suite), None)
            cells.append(_score(found) if found else "—")
        for name in against:
            gain = next((g for g in card.gains if g.suite == suite.suite and g.against == name), None)
            cells.append(_gain(gain) if gain else "—")
        table.add_row(*cells)
    Console().print(table)


def _score(score: SuiteScore) -> str:
    half = (score.high - score.low) / 2
    return f"{score.mean:4.0%} ±{half * 100:2.0f}"


def _gain(gain: PairedGain) -> str:
    verdict = "better" if gain.low > 0 else "worse" if gain.high < 0 else "can't tell"
    return f"{gain.mean * 100:+3.0f} [{gain.low * 100:+.0f}, {gain.high * 100:+.0f}] {verdict}"
