"""Events on a terminal: lines above, and below them one bar that moves."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from store.models import JobRecord
from studio.commands.render import words
from studio.jobs import events
from widgets.safe import safe, safe_line

_NEWEST_SECONDS = 5.0
_STYLES = {"failed": "red", "done": "green", "skipped": "dim", "warning": "yellow", "error": "red"}


class Live:
    """Rich's progress display: stages, log and samples scroll by above the bar."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._progress = Progress(
            SpinnerColumn(style="cyan"),
            # Plain text columns: what a job calls things is never read as markup.
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn(
                "{task.fields[figures]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")
            ),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, figures="", start=True)
        self._recipes: dict[str, TaskID] = {}
        self._newest_at = float("-inf")
        self._figures = ("", "")
        self._in_reply = False

    def __enter__(self) -> Self:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Take the bar away; the lines stay."""
        self._progress.stop()

    def show(self, event: events.Event, *, n: int | None = None, at: datetime | None = None) -> None:
        """Move the bar, or print the event's line above it."""
        match event:
            case events.Progress():
                self._progress.update(self._task, completed=event.done, total=event.total)
                self._set_figures(words.progress(event), self._figures[1])
            case events.Metrics():
                self._set_figures(self._figures[0], words.metrics(event))
            case events.Traffic():
                self._set_figures(self._figures[0], words.traffic(event))
            case events.RecipeFigures():
                self._show_recipe(event)
            case events.Saved(table="examples") if self._recipes:
                self._show_newest(event)
            case events.Token():
                self._stream(event)
            case _:
                text = words.line(event)
                if text is not None:
                    self._print(text, _style(event))
        if isinstance(event, events.Started):
            self._progress.update(self._task, description=safe_line(event.kind))

    def _show_recipe(self, event: events.RecipeFigures) -> None:
        """Move the bar that a recipe has below that of its job."""
        if event.recipe not in self._recipes:
            self._recipes[event.recipe] = self._progress.add_task(safe_line(event.recipe, 24), figures="")
        self._progress.update(
            self._recipes[event.recipe],
            completed=event.made,
            total=event.wanted,
            figures=words.recipe(event).removeprefix(f"{safe_line(event.recipe)} "),
        )

    def _show_newest(self, event: events.Saved) -> None:
        """Print one of the newest examples now and then: all of thousands nobody can read."""
        now = time.monotonic()
        if now - self._newest_at >= _NEWEST_SECONDS:
            self._newest_at = now
            self._print(words.example(event.document), "dim")

    def began(self, record: JobRecord) -> None:
        """Print the job's id, by which it can be resumed, and name the bar."""
        self._progress.update(self._task, description=safe_line(record.kind))
        self._print(f"job {safe_line(record.id)}", "dim")

    def note(self, text: str) -> None:
        """Print the text above the bar."""
        self._print(safe(text), "yellow")

    def _set_figures(self, progress: str, metrics: str) -> None:
        self._figures = (progress, metrics)
        figures = " · ".join(part for part in self._figures if part)
        self._progress.update(self._task, figures=figures)

    def _stream(self, event: events.Token) -> None:
        if not self._in_reply:
            # A bar and a line that grows cannot share the bottom of a terminal.
            self._progress.stop()
            self._in_reply = True
        self._console.print(Text(safe(event.text)), end="", soft_wrap=True)

    def _print(self, text: str, style: str) -> None:
        if self._in_reply:
            self._console.print()
            self._in_reply = False
        self._console.print(Text(text, style=style))


def _style(event: events.Event) -> str:
    match event:
        case events.Failed():
            return "red"
        case events.Finished():
            return "bold"
        case events.Stage():
            return _STYLES.get(event.state, "")
        case events.Log():
            return _STYLES.get(event.level, "")
        case events.Sample() | events.Replied():
            return "dim"
        case _:
            return ""
