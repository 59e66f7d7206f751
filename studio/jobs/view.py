"""What is to be seen of a job: its events folded into one frozen picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from store.models import JobRecord, JobState
from studio.jobs.events import (
    Failed,
    Finished,
    Metrics,
    Paused,
    Progress,
    Recorded,
    Resumed,
    Sample,
    Stage,
    Started,
)

StageState = Literal["running", "done", "failed", "skipped"]


@dataclass(frozen=True)
class StageView:
    """A named part of a job."""

    name: str
    state: StageState
    detail: str = ""


@dataclass(frozen=True)
class JobView:
    """A job as its events tell it up to event `n`."""

    id: str
    kind: str
    title: str
    state: JobState = "queued"
    n: int = 0
    started_at: datetime | None = None
    last_at: datetime | None = None
    done: int = 0
    total: int | None = None
    unit: str = ""
    label: str = ""
    rate: float | None = None
    """Units a second."""
    eta_seconds: float | None = None
    spent_usd: float | None = None
    step: int | None = None
    metrics: tuple[tuple[str, float], ...] = ()
    """The newest value of each metric, by name."""
    stages: tuple[StageView, ...] = ()
    sample: Sample | None = None
    error: str = ""
    """Why it ended, where its process could not say it itself."""
    failed: Failed | None = None
    finished: Finished | None = None

    @property
    def over(self) -> bool:
        """True when nothing more will come unless it is resumed."""
        return self.state in {"done", "failed", "stopped", "killed"}

    def metric(self, name: str) -> float | None:
        """Return the newest value of a metric, or None before the first."""
        return dict(self.metrics).get(name)


def view_of(record: JobRecord) -> JobView:
    """Return the picture of a job of which no event has been read yet."""
    return JobView(
        id=record.id,
        kind=record.kind,
        title=record.title,
        state=record.state,
        done=record.done,
        total=record.total,
        unit=record.unit,
        spent_usd=record.spent_usd or None,
    )


def fold(view: JobView, recorded: Recorded) -> JobView:  # noqa: PLR0911 - one case an event
    """Return the picture after one more event."""
    seen = replace(view, n=recorded.n, last_at=recorded.at)
    match recorded.event:
        case Started() as event:
            return replace(
                seen,
                title=event.title or seen.title,
                state="running",
                started_at=seen.started_at or recorded.at,
                failed=None,
                finished=None,
            )
        case Progress() as event:
            return replace(
                seen,
                state="running" if seen.state == "queued" else seen.state,
                done=event.done,
                total=event.total if event.total is not None else seen.total,
                unit=event.unit,
                label=event.label,
                rate=event.rate,
                eta_seconds=event.eta_seconds,
                spent_usd=event.spent_usd if event.spent_usd is not None else seen.spent_usd,
            )
        case Metrics() as event:
            merged = dict(seen.metrics) | event.values
            return replace(seen, step=event.step, metrics=tuple(merged.items()))
        case Stage() as event:
            return replace(seen, stages=_with_stage(seen.stages, event))
        case Sample() as event:
            return replace(seen, sample=event)
        case Paused():
            return replace(seen, state="paused", rate=None, eta_seconds=None)
        case Resumed():
            return replace(seen, state="running")
        case Failed() as event:
            return replace(seen, state="failed", failed=event, rate=None, eta_seconds=None)
        case Finished() as event:
            return replace(seen, state=event.state, finished=event, rate=None, eta_seconds=None)
        case _:
            return seen


def _with_stage(stages: tuple[StageView, ...], event: Stage) -> tuple[StageView, ...]:
    new = StageView(event.name, event.state, event.detail)
    if any(stage.name == event.name for stage in stages):
        return tuple(new if stage.name == event.name else stage for stage in stages)
    return (*stages, new)
