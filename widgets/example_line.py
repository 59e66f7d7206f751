"""An example as one line of a list, and as what its detail shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.content import Content

from widgets.conversation import Turn
from widgets.format import money
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.models import Example

SIGNS = {
    "accepted": ("✓", "$success"),
    "rejected": ("✗", "$error"),
    "flagged": ("⚑", "$warning"),
    "pending": ("·", "$text-muted"),
}


def example_line(example: Example) -> Callable[[int], Content]:
    """Return the line of an example for any width: sign, category, slot, then the first words that were asked."""
    sign, colour = SIGNS[example.status.value]
    category = safe_line(example.category, 20)
    slot = safe_line(example.slot or example.recipe or "", 60)
    asked = next((message.content for message in example.messages if message.role == "user"), "")
    first = safe_line(asked, 200)
    edited = "✎ " if example.edited else ""

    def line(width: int) -> Content:
        category_width = 15
        slot_width = 22 if width >= 70 else max(0, width - category_width - 4)
        parts: list[str | Content | tuple[str, str]] = [
            (f"{sign} ", colour),
            _cut(category, category_width).stylize("$text-muted"),
            _cut(edited + slot, slot_width),
        ]
        if width >= 70:
            parts.append((f"  {first}", "$text-muted"))
        return Content.assemble(*parts)

    return line


def turns_of(example: Example) -> tuple[Turn, ...]:
    """Return the example's turns with what is known of each."""
    languages = example.signals.languages
    return tuple(
        Turn(
            role=message.role,
            text=message.content,
            language=languages[place] if place < len(languages) else "",
            left_out=place in example.left_out_turns,
        )
        for place, message in enumerate(example.messages)
    )


def facts_of(example: Example) -> tuple[str, ...]:
    """Return what stands below the turns: warnings, then where the example came from."""
    signals, origin = example.signals, example.provenance
    facts = [f"! {flag}" for flag in signals.flags]
    if signals.near_duplicate_of:
        alike = signals.near_duplicate_similarity
        share = f"{alike:.2f} " if alike is not None else ""
        facts.append(f"≈ {share}like {signals.near_duplicate_of[:8]}")
    if rating := example.current_rating:
        facts.append(f"judge {rating.score:.0%}: {rating.reason}")
    if example.note:
        facts.append(f"note: {example.note}")
    where = [part for part in (origin.teacher, origin.model) if part]
    if origin.cost_usd:
        where.append(money(origin.cost_usd))
    if origin.source_path:
        lines = f":{origin.source_lines[0]}" if origin.source_lines else ""
        where.append(f"{origin.source_path}{lines}")
    where += [f"recipe {example.recipe}"] if example.recipe else []
    where += [f"slot {example.slot}"] if example.slot else []
    where += ["edited"] if example.edited else []
    if where:
        facts.append(" · ".join(where))
    if example.decisions:
        last = example.decisions[-1]
        reason = f": {last.reason}" if last.reason else ""
        facts.append(f"{last.action} by {last.who}{reason}")
    return tuple(facts)


def provenance_of(example: Example) -> tuple[str, ...]:
    """Return all that is known of where an example came from, then each decision on it, the first one first."""
    origin = example.provenance
    known = [(name.replace("_", " "), value) for name, value in origin if value is not None]
    lines = [f"{name}: {value}" for name, value in known]
    lines += [f"group: {example.group}"] if example.group else []
    lines += [f"split: {example.split}"] if example.split else []
    lines += [f"used by run: {example.frozen_by}"] if example.frozen_by else []
    lines.append(f"made: {example.created_at:%Y-%m-%d %H:%M}")
    for decision in example.decisions:
        reason = f" · {decision.reason}" if decision.reason else ""
        many = " · one of many" if decision.batch_id else ""
        lines.append(f"{decision.at:%Y-%m-%d %H:%M} {decision.action} by {decision.who}{reason}{many}")
    return tuple(lines)


def _cut(text: str, width: int) -> Content:
    content = Content(text).truncate(max(0, width - 1), ellipsis=True)
    return content.pad_right(max(0, width - content.cell_length))
