"""A turn of a chat as the transcript shows it: its words, which version it is, and how it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from widgets.format import duration
from widgets.safe import safe_line
from widgets.transcript import Entry

if TYPE_CHECKING:
    from store.models import ChatSession, ChatTurn
    from studio.jobs.chat.context import Room

_ENDS = {
    "length": "ended at its limit; t goes on with another version, p raises the limit",
    "cancelled": "cancelled; what came is kept",
    "killed": "the studio ended in the middle; what came is kept",
}


def entries_of(conversation: ChatSession, persona: str) -> list[Entry]:
    """Return the turns of the way that is shown."""
    from studio.jobs.chat.conversation import numbered, shown

    whole = numbered(conversation)
    # Found once for all: a conversation may have hundreds of turns.
    places: dict[tuple[str | None, str], list[str]] = {}
    for turn in whole.turns:
        places.setdefault((turn.parent, turn.role), []).append(turn.id)
    entries = []
    for turn in shown(whole):
        there = places[turn.parent, turn.role]
        entries.append(entry_of(turn, persona, there.index(turn.id) + 1, len(there)))
    return entries


def entry_of(turn: ChatTurn, persona: str, place: int = 1, number: int = 1) -> Entry:
    """Return one turn, which is version `place` of `number`."""
    assistant = turn.role == "assistant"
    return Entry(
        id=turn.id,
        who=persona if assistant else "you",
        text=turn.content,
        assistant=assistant,
        thinking=turn.thinking,
        place=place,
        versions=number,
        sign=_sign(turn),
        figures=figures(turn) if assistant else "",
        wrong=turn.ended == "failed",
    )


def figures(turn: ChatTurn) -> str:
    """Return how a reply was made: model, tokens, speed, first token, context; and how it ended."""
    facts = [safe_line(turn.model, 40)] if turn.model else []
    if turn.tokens is not None:
        facts.append(f"{turn.tokens:,} tokens")
    if turn.tokens_per_second is not None:
        facts.append(f"{turn.tokens_per_second:,.0f} tokens/s")
    if turn.first_thought_seconds is not None:
        facts.append(f"first thought {_seconds(turn.first_thought_seconds)}")
    if turn.first_token_seconds is not None:
        what = "first word" if turn.first_thought_seconds is not None else "first token"
        facts.append(f"{what} {_seconds(turn.first_token_seconds)}")
    if turn.context_tokens and turn.context_size:
        facts.append(f"context {100 * turn.context_tokens / turn.context_size:.0f} %")
    if turn.ended in _ENDS:
        facts.append(_ENDS[turn.ended])
    if turn.fault:
        facts.append(f"✗ {safe_line(turn.fault, 300)}")
    return " · ".join(facts)


def room_warning(room: Room | None) -> str:
    """Return what a person should know before the context is full; empty where there is room."""
    if room is None or not room.tight:
        return ""
    used = f"! context {100 * room.share:.0f} % of {room.size:,} tokens"
    if not room.dropped:
        return f"{used}; soon the oldest turns will be dropped. n begins anew"
    number = len(room.dropped)
    first = safe_line(room.dropped[0].content, 30)
    turns = "the oldest turn," if number == 1 else f"the {number} oldest turns, from"
    return f"{used}: with your next question the model no longer reads {turns} “{first}”"


def _sign(turn: ChatTurn) -> str:
    signs = []
    if turn.mark == "good":
        signs.append("✓ kept")
    if turn.mark == "bad":
        signs.append("✗ bad")
    if turn.example_id and turn.mark != "good":
        signs.append("✎ mended")
    return " · ".join(signs)


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 60 else duration(value)
