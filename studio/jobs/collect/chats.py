"""Conversations out of the exports of Claude.ai and ChatGPT, Claude Code's sessions, and other JSON and JSONL logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from studio.jobs.collect.jsonrows import Row, rows
from studio.jobs.collect.pieces import Piece, Skipped
from studio.jobs.collect.sessions import is_session, session
from studio.jobs.collect.turns import ROLES, Log, Turn, pieces, text_of

_MOST_FAULTS = 20
"""Rows of one file that are named; a file without any conversation would name all."""
_FORMS = "a conversation: `chat_messages`, `mapping`, `messages`, `conversations`, `turns`, or `input` and `output`"

_LISTS = {"messages": "messages", "turns": "plan", "conversations": "sharegpt", "conversation": "sharegpt"}
"""Keys under which a row has its turns, and what such a log is called."""
_PAIRS = (
    ("instruction", "output"),
    ("input", "output"),
    ("prompt", "completion"),
    ("prompt", "response"),
    ("question", "answer"),
)
"""Keys of a question and its answer."""

Lines = tuple[int, int]


def conversations(path: str, text: str) -> tuple[list[Piece], list[Skipped]]:
    """Read a file's conversations; a row that is none is reported by its number, the others are kept."""
    by_line = not path.lower().endswith(".json")
    read = list(rows(text, lines=by_line))
    if by_line and is_session([row.value for row in read]):
        found = [piece for log in session(read) for piece in pieces(log)]
        faults = [Skipped(path, f"row {row.number}: {row.fault}") for row in read if row.fault]
        return found, _few(path, faults, len(read))
    if by_line and (log := _one_message_a_line(read)) is not None:
        faults = [Skipped(path, f"row {row.number}: {row.fault}") for row in read if row.fault]
        return list(pieces(log)), _few(path, faults, len(read))
    made: list[Piece] = []
    faults = []
    for row in _unwrapped(read):
        if row.fault:
            faults.append(Skipped(path, f"row {row.number}: {row.fault}"))
            continue
        log = _log(row.value, row.lines)
        if log is None:
            faults.append(Skipped(path, f"row {row.number}: expected {_FORMS}"))
            continue
        cut = list(pieces(log, kind="example" if log.origin == "plan" else "conversation"))
        if cut:
            made.extend(cut)
        elif not _opened_only(log):
            faults.append(Skipped(path, f"row {row.number}: it has no question with a reply"))
    return made, _few(path, faults, len(read))


def _few(path: str, faults: list[Skipped], total: int) -> list[Skipped]:
    if len(faults) <= _MOST_FAULTS:
        return faults
    more = len(faults) - _MOST_FAULTS
    return [*faults[:_MOST_FAULTS], Skipped(path, f"{more} more of its {total} rows are no conversations")]


def _opened_only(log: Log) -> bool:
    """Say whether a conversation of an export was opened and nothing was said, of which there are many."""
    return log.origin in ("claude.ai", "chatgpt")


def _unwrapped(read: list[Row]) -> Iterator[Row]:
    """Yield the rows; of a single object that holds all conversations, those."""
    only = read[0].value if len(read) == 1 else None
    inner = only.get("conversations") if isinstance(only, dict) else None
    if isinstance(inner, list) and any(
        isinstance(each, dict) and ("chat_messages" in each or "mapping" in each or "messages" in each)
        for each in inner
    ):
        for number, value in enumerate(inner, start=1):
            yield Row(number, read[0].lines, value)
    else:
        yield from read


def _log(value: Any, lines: Lines) -> Log | None:
    """Return a row's conversation; None where it is in no form that is known."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("chat_messages"), list):
        return _claude(value, lines)
    if isinstance(value.get("mapping"), dict):
        return _chatgpt(value, lines)
    for name, origin in _LISTS.items():
        if isinstance(value.get(name), list):
            return _listed(value[name], lines, origin, value)
    for asked, said in _PAIRS:
        if isinstance(value.get(asked), str) and isinstance(value.get(said), str):
            return _pair(asked, said, lines, value)
    return None


def _pair(asked: str, said: str, lines: Lines, row: dict[str, Any]) -> Log:
    question, answer = row[asked], row[said]
    # What Alpaca's rows tell the model to do, and what they tell it to do that with.
    others = [row.get(name) for name in ("instruction", "input") if name != asked]
    for other in others:
        if isinstance(other, str) and other.strip():
            question = f"{other}\n\n{question}" if asked == "input" else f"{question}\n\n{other}"
    turns = (Turn("user", question, lines), Turn("assistant", answer, lines))
    return Log(turns if row[asked].strip() and answer.strip() else (), "plan")


def _listed(listed: list[Any], lines: Lines, origin: str, row: dict[str, Any]) -> Log | None:
    turns: list[Turn] = []
    for each in listed:
        turn = _message(each, lines)
        if turn is None and isinstance(each, dict) and _speaker(each) in ("tool", "function", "developer"):
            continue
        if turn is None:
            return None
        turns.append(turn)
    return Log(tuple(turns), origin, title=_words(row.get("title")))


def _message(value: Any, lines: Lines) -> Turn | None:
    if not isinstance(value, dict):
        return None
    role = ROLES.get(_speaker(value))
    content = next((value[name] for name in ("content", "value", "text") if name in value), None)
    if role is None or not isinstance(content, str | list | dict):
        return None
    return Turn(role, text_of(content), lines)


def _speaker(value: dict[str, Any]) -> str:
    said = next((value[name] for name in ("role", "from", "sender", "speaker") if name in value), "")
    return said.casefold() if isinstance(said, str) else ""


def _one_message_a_line(read: list[Row]) -> Log | None:
    """Return the only conversation of a file that has one message a line."""
    good = [row for row in read if not row.fault]
    turns = [_message(row.value, row.lines) for row in good]
    if not good or any(turn is None for turn in turns):
        return None
    return Log(tuple(turn for turn in turns if turn is not None), "jsonl")


def _claude(value: dict[str, Any], lines: Lines) -> Log:
    """Read a conversation of Claude.ai's export. What the model thought and its tools did is left out."""
    turns = []
    for message in value["chat_messages"]:
        if not isinstance(message, dict):
            continue
        role = ROLES.get(_speaker(message))
        if role is None:
            continue
        # `text` is of older exports; newer ones have the words in parts, beside thinking and tools.
        words = text_of(message.get("content")) or text_of(message.get("text"))
        turns.append(Turn(role, words, lines))
    return Log(
        tuple(turns), "claude.ai", title=_words(value.get("name")), model=_words(value.get("model")) or None
    )


def _chatgpt(value: dict[str, Any], lines: Lines) -> Log:
    """Read a conversation of ChatGPT's export: of its tree the branch that was looked at last."""
    nodes: dict[str, Any] = value["mapping"]
    node_id = value.get("current_node")
    if not isinstance(node_id, str) or node_id not in nodes:
        node_id = _newest_leaf(nodes)
    path: list[dict[str, Any]] = []
    seen: set[str] = set()
    while isinstance(node_id, str) and node_id not in seen and isinstance(nodes.get(node_id), dict):
        seen.add(node_id)
        path.append(nodes[node_id])
        node_id = nodes[node_id].get("parent")
    turns: list[Turn] = []
    model = None
    for node in reversed(path):
        message = node.get("message")
        if not isinstance(message, dict) or (turn := _said(message, lines)) is None:
            continue
        turns.append(turn)
        if turn.role == "assistant":
            model = _words(_dict(message.get("metadata")).get("model_slug")) or model
    return Log(tuple(turns), "chatgpt", title=_words(value.get("title")), model=model)


def _said(message: dict[str, Any], lines: Lines) -> Turn | None:
    """Return what a message of ChatGPT's export says to the other side; None for thoughts, tools and hidden orders."""
    content = _dict(message.get("content"))
    role = ROLES.get(str(_dict(message.get("author")).get("role")))
    hidden = _dict(message.get("metadata")).get("is_visually_hidden_from_conversation")
    if role is None or role == "system" or hidden or message.get("recipient", "all") != "all":
        return None
    if content.get("content_type") not in ("text", "multimodal_text"):
        return None
    return Turn(role, text_of(content), lines)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _newest_leaf(nodes: dict[str, Any]) -> str | None:
    """Return the last node that no other follows."""
    leaves = [key for key, node in nodes.items() if isinstance(node, dict) and not node.get("children")]
    return leaves[-1] if leaves else None


def _words(value: Any) -> str:
    return value if isinstance(value, str) else ""
