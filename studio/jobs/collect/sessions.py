"""Sessions of Claude Code: JSONL files in which each line is a message, a tool's result or a note of the program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from studio.jobs.collect.jsonrows import Row
from studio.jobs.collect.turns import Log, Turn, text_of, without_machinery

_SPOKEN = ("user", "assistant")


def is_session(values: Sequence[Any]) -> bool:
    """Say whether the rows of a file are a session's: most have a type, and messages stand inside a `message`."""
    return any(
        isinstance(value, dict)
        and value.get("type") in _SPOKEN
        and isinstance(value.get("message"), dict)
        and ("sessionId" in value or "uuid" in value or "parentUuid" in value)
        for value in values
    )


def session(read: Sequence[Row]) -> Iterator[Log]:
    """Yield the conversation of each session in the file, without side chains, tools, thoughts and rewound turns."""
    by_session: dict[str, list[Row]] = {}
    linked: dict[str, Row] = {}
    title = ""
    for row in read:
        value = row.value
        if not isinstance(value, dict):
            continue
        if isinstance(value.get("uuid"), str):
            linked[value["uuid"]] = row
        if value.get("type") == "summary" and isinstance(value.get("summary"), str):
            title = title or value["summary"]
        elif _spoken(value):
            by_session.setdefault(str(value.get("sessionId", "")), []).append(row)
    for rows_of_one in by_session.values():
        yield _log(_last_branch(rows_of_one, linked), title)


def _spoken(value: dict[str, Any]) -> bool:
    return (
        value.get("type") in _SPOKEN
        and isinstance(value.get("message"), dict)
        and not value.get("isSidechain")
    )


def _log(read: list[Row], title: str) -> Log:
    turns: list[Turn] = []
    model = None
    for row in read:
        value, message = row.value, row.value["message"]
        if value.get("isMeta") or value.get("isCompactSummary") or value.get("isApiErrorMessage"):
            continue
        words = without_machinery(text_of(message.get("content")))
        if not words:
            continue
        asked = value["type"] == "user"
        turns.append(Turn("user" if asked else "assistant", words, row.lines))
        if not asked and isinstance(message.get("model"), str):
            model = message["model"]
    return Log(tuple(turns), "claude-code", title=title, model=model)


def _last_branch(read: list[Row], linked: dict[str, Row]) -> list[Row]:
    """Return the rows that lead to the last one: a message that was rewound and said anew is left behind.

    Where the chain does not reach a beginning, as in a log that was trimmed, all rows in their order.
    """
    chain: list[Row] = []
    seen: set[str] = set()
    current = read[-1].value.get("uuid")
    while isinstance(current, str) and current in linked and current not in seen:
        seen.add(current)
        row = linked[current]
        if _spoken(row.value):
            chain.append(row)
        current = row.value.get("parentUuid") or row.value.get("logicalParentUuid")
    return list(reversed(chain)) if chain and current is None else read
