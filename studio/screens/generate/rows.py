"""What the Generate screen shows of an example, of the traffic and of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.content import Content

from studio.screens.generate.feed import Row
from widgets.example_line import example_line
from widgets.line_list import Line
from widgets.safe import safe_line
from widgets.traffic_lines import TrafficFigures

if TYPE_CHECKING:
    from store.models import Example
    from studio.jobs.events import Unit
    from studio.jobs.generate.picture import Picture
    from studio.jobs.view import JobView


def figures_of(view: JobView, picture: Picture) -> TrafficFigures:
    """Return the two lines of figures of a job."""
    traffic = picture.traffic
    return TrafficFigures(
        live=not view.over,
        requests=traffic.requests_per_minute,
        requests_limit=traffic.requests_limit,
        tokens=traffic.tokens_per_minute,
        tokens_limit=traffic.tokens_limit,
        in_flight=0 if view.over else traffic.in_flight,
        width=traffic.concurrency,
        retrying=0 if view.over else traffic.retrying,
        done=view.done,
        total=view.total,
        failed=picture.failed,
        rejected=picture.rejected,
        duplicates=picture.duplicates,
        lost=traffic.lost,
        lost_usd=traffic.lost_usd,
        spent_usd=view.spent_usd or traffic.spent_usd,
        projected_usd=traffic.projected_usd,
        cap_usd=traffic.cap_usd,
        eta_seconds=view.eta_seconds,
        waiting="" if view.over else traffic.waiting,
    )


def line_of(example: Example) -> Line:
    """Return an example's line: what speaks against it, where something does, instead of what was asked."""
    signals = example.signals
    against = ""
    if example.status.value == "rejected" and signals.flags:
        against = f"✗ {signals.flags[0]}"
    elif signals.near_duplicate_of:
        against = f"≈ {signals.near_duplicate_similarity or 0:.2f} like {signals.near_duplicate_of[:8]}"
    if not against:
        return example_line(example)
    where = f"{example.category} · {example.slot or example.recipe or ''}"
    return Content.assemble(
        (f"{safe_line(against, 200)}", "$warning"), (f"  {safe_line(where, 60)}", "$text-muted")
    )


def row_of(example: Example) -> Row:
    """Return an example's row; one that does not count for its job is a failure of its slot."""
    signals = example.signals
    counts = not signals.flags and not signals.near_duplicate_of
    place = "" if counts or not example.recipe else f"{example.recipe}/{example.slot or ''}"
    return Row(line_of(example), example=example, place=place)


def failed_row(event: Unit) -> Row:
    """Return the row of a request that failed."""
    place = f"{event.recipe}/{event.slot}" if event.recipe else ""
    line = Content.assemble(
        ("✗ ", "$error"),
        ("a request failed  ", "$text-muted"),
        safe_line(f"{place}  " if place else "", 60),
        safe_line(event.reason),
    )
    return Row(line, failed=event, place=place)


def counted(store: Any, *, ids: list[str]) -> dict[str, tuple[str, bool] | None]:
    """Return recipe and whether it counts of these examples; None for one that is gone or has no recipe."""
    from studio.jobs.generate.order import counts

    found: dict[str, tuple[str, bool] | None] = {}
    for key in ids:
        example = store.examples.get(key)
        found[key] = (example.recipe, counts(example)) if example is not None and example.recipe else None
    return found
