"""Training files in the plan's own JSON format: a list of `input` and `output`, or of `turns`."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from store.models import Message
from studio.jobs.collect.pieces import Piece, Skipped
from studio.jobs.text import without_surrogates


class _Pair(BaseModel):
    model_config = ConfigDict(extra="ignore")
    input: str
    output: str


class _Turns(BaseModel):
    model_config = ConfigDict(extra="ignore")
    turns: tuple[Message, ...]


def examples(path: str, text: str) -> tuple[list[Piece], list[Skipped]]:
    """Read the file's rows; a row that is neither form is reported by its number, the others are kept."""
    try:
        rows = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        return [], [Skipped(path, f"not JSON: {error}")]
    if not isinstance(rows, list):
        return [], [Skipped(path, f"expected a list of examples, found {type(rows).__name__}")]
    pieces: list[Piece] = []
    skipped: list[Skipped] = []
    total_lines = text.count("\n") + 1
    for number, row in enumerate(rows, start=1):
        messages = _messages(row)
        if messages is None:
            skipped.append(Skipped(path, f"row {number}: expected `input` and `output`, or `turns`"))
            continue
        pieces.append(
            Piece(
                kind="example",
                title=messages[0].content.strip().splitlines()[0][:120],
                lines=(1, total_lines),
                text="\n\n".join(f"{m.role}: {m.content}" for m in messages),
                messages=messages,
            )
        )
    return pieces, skipped


def _messages(row: Any) -> tuple[Message, ...] | None:
    try:
        pair = _Pair.model_validate(row)
    except ValidationError:
        try:
            messages = _Turns.model_validate(row).turns
        except ValidationError:
            return None
    else:
        messages = (Message(role="user", content=pair.input), Message(role="assistant", content=pair.output))
    messages = tuple(Message(role=m.role, content=without_surrogates(m.content)) for m in messages)
    complete = len(messages) >= 2 and all(message.content.strip() for message in messages)
    return messages if complete else None
