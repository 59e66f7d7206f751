"""Events in words: the same lines on a terminal and in a pipe. Everything that comes from a model is made safe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studio.jobs.events import (
    Event,
    Failed,
    Finished,
    Log,
    Metrics,
    Paused,
    Progress,
    RecipeFigures,
    Replied,
    Resumed,
    Sample,
    Stage,
    Started,
    Traffic,
    Unit,
)
from widgets.format import count, duration, money, rate
from widgets.safe import safe, safe_line

_STAGE_SIGNS = {"running": "▸", "done": "✓", "failed": "✗", "skipped": "–"}
_LEVEL_SIGNS = {"info": "", "warning": "! ", "error": "✗ "}
_SAMPLE_WIDTH = 100


def line(event: Event) -> str | None:
    """Return what an event says as text, or None for one that has nothing to say by itself."""
    text: str | None = None
    match event:
        case Started():
            text = f"{safe_line(event.title or event.kind)}{' goes on' if event.resumed else ''}"
        case Stage():
            detail = f"  {safe_line(event.detail)}" if event.detail else ""
            text = f"{_STAGE_SIGNS[event.state]} {safe_line(event.name)}{detail}"
        case Log():
            text = f"{_LEVEL_SIGNS[event.level]}{safe(event.text)}"
        case Sample():
            prompt, reply = safe_line(event.prompt, _SAMPLE_WIDTH), safe_line(event.reply, _SAMPLE_WIDTH)
            text = f"sample at {count(event.step)}  {prompt} → {reply}"
        case Unit(state="failed"):
            where = f"{event.recipe}/{event.slot}" if event.recipe else event.unit_id
            text = f"✗ {safe_line(where)}  {safe_line(event.reason)}"
        case Paused():
            text = f"paused: {safe_line(event.why)}" if event.why else "paused"
        case Resumed():
            text = "goes on"
        case Finished():
            text = f"{'✓' if event.state == 'done' else '■'} {safe(event.summary)}"
        case Failed():
            log = f"\n  log   {safe_line(event.log_path)}" if event.log_path else ""
            text = f"✗ {safe(event.what)}\n  kept  {safe(event.kept)}\n  to do {safe(event.to_do)}{log}"
        case Replied():
            text = reply_figures(event)
    return text


def progress(event: Progress) -> str:
    """Return how far a job is: `4,212/17,000 examples · 38/min · 5 h 36 m left · $6.10 · label`."""
    total = f"/{count(event.total)}" if event.total is not None else ""
    parts = [f"{count(event.done)}{total} {safe_line(event.unit)}".rstrip()]
    if event.rate is not None:
        parts.append(rate(event.rate, ""))
    if event.eta_seconds is not None and event.done != event.total:
        parts.append(f"{duration(event.eta_seconds)} left")
    if event.spent_usd:
        parts.append(money(event.spent_usd))
    if event.label:
        parts.append(safe_line(event.label, 60))
    return " · ".join(parts)


def traffic(event: Traffic) -> str:
    """Return how things stand with a server: `38 of 50 requests/min · 61,200 of 80,000 tokens/min · 12 in flight`."""
    parts = []
    if event.requests_per_minute:
        for number, limit, unit in (
            (event.requests_per_minute, event.requests_limit, "requests/min"),
            (event.tokens_per_minute, event.tokens_limit, "tokens/min"),
        ):
            parts.append(f"{count(number)}{f' of {count(limit)}' if limit else ''} {unit}")
    if event.in_flight:
        parts.append(f"{count(event.in_flight)} in flight")
    if event.retrying:
        parts.append(f"{count(event.retrying)} retrying")
    if event.lost:
        parts.append(f"{count(event.lost)} lost")
    projected = f"→ {money(event.projected_usd)}" if event.projected_usd else ""
    cap = f"of {money(event.cap_usd)}" if event.cap_usd else ""
    if projected or cap:
        parts.append(" ".join(part for part in (projected, cap) if part))
    if event.waiting:
        parts.append(safe_line(event.waiting, 80))
    return " · ".join(parts)


def recipe(event: RecipeFigures) -> str:
    """Return how far a recipe is: `technical 312/4,000 · 6 failed · 3 broke it · 12 duplicates`."""
    parts = [f"{safe_line(event.recipe)} {count(event.made)}/{count(event.wanted)}"]
    odd = ((event.failed, "failed"), (event.rejected, "broke it"), (event.duplicates, "duplicates"))
    parts += [f"{count(number)} {name}" for number, name in odd if number]
    if event.exhausted:
        parts.append(f"exhausted: {safe_line(', '.join(event.exhausted), 60)}")
    return " · ".join(parts)


def example(document: Mapping[str, Any]) -> str:
    """Return an example of a store's document in one line: `technical · rust  question → reply`."""
    turns = [str(turn.get("content", "")) for turn in document.get("messages", ())]
    where = f"{document.get('category', '')} · {document.get('slot') or document.get('recipe') or ''}"
    said = " → ".join(safe_line(turn, 60) for turn in turns[:2])
    return f"{safe_line(where, 60)}  {said}"


def metrics(event: Metrics) -> str:
    """Return the numbers of a step: `step 812 · loss 1.842 · tokens_per_second 304`."""
    numbers = [f"{safe_line(name)} {value:.4g}" for name, value in event.values.items()]
    return " · ".join([f"step {count(event.step)}", *numbers])


def reply_figures(event: Replied) -> str:
    """Return how a reply was made: `118 tokens · 84 tokens/s · first after 0.03 s · model`."""
    parts = [f"{count(event.tokens)} tokens"]
    if event.tokens_per_second is not None:
        parts.append(f"{event.tokens_per_second:.3g} tokens/s")
    if event.first_token_seconds is not None:
        parts.append(f"first after {event.first_token_seconds:.2f} s")
    parts.append(safe_line(event.model))
    if event.cancelled:
        parts.append("cancelled")
    return " · ".join(parts)
