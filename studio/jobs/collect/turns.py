"""Turns of a conversation out of any log, made into what can be trained on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from store.models import Message, Role
from studio.jobs.collect.pieces import Piece
from studio.jobs.text import without_surrogates

MOST_TURNS = 20
"""Of one piece; a longer conversation is cut where a question begins, so that its parts can be trained on."""

ROLES: dict[str, Role] = {
    "user": "user",
    "human": "user",
    "kullanıcı": "user",
    "prompter": "user",
    "assistant": "assistant",
    "jessy": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "system": "system",
}
"""What logs call those who speak, in lower case."""

_MACHINE = re.compile(
    r"<(system-reminder|command-(?:name|message|args)|local-command-(?:stdout|stderr|caveat)|bash-(?:input|stdout|stderr)"
    r"|task-notification|ide_[a-z_]+|user-prompt-submit-hook)>.*?</\1>\s*",
    re.DOTALL,
)
_INTERRUPTED = re.compile(r"\[Request interrupted by user[^\]\n]*\]\s*")


class Turn(NamedTuple):
    """What one side said, as the log has it."""

    role: Role
    text: str
    lines: tuple[int, int]


@dataclass(frozen=True)
class Log:
    """One conversation of a log, before it is cut."""

    turns: tuple[Turn, ...]
    origin: str
    title: str = ""
    model: str | None = None


def text_of(content: Any) -> str:
    """Return the words of a message's content: a string, or the text parts of a list; the rest is no word."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return text_of(content.get("parts", content.get("text", "")))
    if isinstance(content, list):
        parts = []
        for part in content:
            if isinstance(part, str):
                parts.append(part)
            elif isinstance(part, dict) and part.get("type", "text") == "text":
                parts.append(text_of(part.get("text", "")))
        return "\n\n".join(part for part in parts if part.strip())
    return ""


def without_machinery(text: str) -> str:
    """Return a message of a coding session without what the program itself put into it."""
    return _INTERRUPTED.sub("", _MACHINE.sub("", text)).strip()


def pieces(log: Log, *, kind: str = "conversation") -> Iterator[Piece]:
    """Yield the conversation in parts that begin with a question and end with a reply; none where there is none."""
    # Orders in the middle of a conversation are the log's own; one at its beginning is the example's.
    system = _joined(turn for turn in log.turns[:1] if turn.role == "system")
    spoken = _joined(turn for turn in log.turns if turn.role != "system")
    for part in _parts(spoken):
        turns = [*system, *part]
        messages = tuple(Message(role=turn.role, content=turn.text) for turn in turns)
        first = next(message.content for message in messages if message.role == "user")
        title = log.title.strip() or first.splitlines()[0]
        yield Piece(
            kind="example" if kind == "example" else "conversation",
            title=without_surrogates(title)[:120],
            lines=(min(turn.lines[0] for turn in turns), max(turn.lines[1] for turn in turns)),
            text="\n\n".join(f"{message.role}: {message.content}" for message in messages),
            messages=messages,
            origin=log.origin,
            model=log.model,
        )


def _joined(turns: Iterable[Turn]) -> list[Turn]:
    """Return the turns that say something, those of one side in a row as one."""
    joined: list[Turn] = []
    for turn in turns:
        text = without_surrogates(turn.text).strip()
        if not text:
            continue
        if joined and joined[-1].role == turn.role:
            before = joined.pop()
            lines = (min(before.lines[0], turn.lines[0]), max(before.lines[1], turn.lines[1]))
            joined.append(Turn(turn.role, f"{before.text}\n\n{text}", lines))
        else:
            joined.append(Turn(turn.role, text, turn.lines))
    return joined


def _parts(turns: list[Turn]) -> Iterator[list[Turn]]:
    place = 0
    while place < len(turns):
        if turns[place].role != "user":
            place += 1
            continue
        part = turns[place : place + MOST_TURNS]
        while part and part[-1].role != "assistant":
            part.pop()
        if len(part) < 2:
            return
        yield part
        place += len(part)
