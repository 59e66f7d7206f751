"""A job's picture as the line that the strip shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from widgets.job_strip import JobLine

if TYPE_CHECKING:
    from studio.jobs.view import JobView


def job_lines(views: Iterable[JobView]) -> tuple[JobLine, ...]:
    """Return one line a job, those that work before those that wait."""
    order = {"running": 0, "paused": 1, "queued": 2}
    return tuple(job_line(view) for view in sorted(views, key=lambda view: order.get(view.state, 3)))


def job_line(view: JobView) -> JobLine:
    """Return the line of one job; a training run says its loss, any other what it is at."""
    loss = view.metric("loss")
    tokens = view.metric("tokens_per_second")
    if loss is not None:
        detail = f"loss {loss:.3f}" + (f" · {tokens:,.0f} tok/s" if tokens else "")
    else:
        running = [stage.name for stage in view.stages if stage.state == "running"]
        at = view.label or (running[-1] if running else "")
        detail = "" if at.casefold() in {view.kind, view.title.casefold()} else at
    return JobLine(
        kind=view.kind,
        state=view.state,
        title=view.title,
        done=view.done,
        total=view.total,
        unit=view.unit,
        # The loss says more than the steps a second that the tokens already tell.
        per_second=None if loss is not None else view.rate,
        eta_seconds=view.eta_seconds,
        spent_usd=view.spent_usd,
        detail=detail,
    )
