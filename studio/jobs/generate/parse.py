"""A teacher's reply to conversations; what is not quite JSON is repaired by json-repair."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from store.models import Message
from studio.jobs.text import without_surrogates

MAX_REPLY_CHARACTERS = 400_000
"""No request of a recipe comes near this; a longer reply is a runaway and is not parsed."""


class ReplyError(ValueError):
    """A reply that holds no conversation; the message says why, for people."""


class _Turns(BaseModel):
    model_config = ConfigDict(extra="ignore")
    messages: tuple[Message, ...]


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "examples": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "messages": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "role": {"type": "string", "enum": ["user", "assistant"]},
                                "content": {"type": "string"},
                            },
                            "required": ["role", "content"],
                            "additionalProperties": False,
                        },
                    }
                },
                "required": ["messages"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["examples"],
    "additionalProperties": False,
}
"""What a teacher is asked to return, for servers that hold a model to a schema."""

FORMAT = (
    'Return only JSON of this form: {"examples": [{"messages": [{"role": "user", "content": "…"}, '
    '{"role": "assistant", "content": "…"}]}]}'
)
"""The same in words, for servers that do not."""


def conversations(reply: str) -> list[tuple[Message, ...]]:
    """Return the conversations of a reply, each with at least a question and an answer.

    Besides the form asked for, single objects, bare lists and the plan's `question`/`answer` and `turns` are read.

    Raises:
        ReplyError: the reply is empty, too long, or holds no conversation.
    """
    found = [turns for item in _items(loaded(reply)) if (turns := _turns(item))]
    if not found:
        raise ReplyError("the reply holds no example in the form asked for")
    return found


def loaded(reply: str) -> Any:
    """Return the first JSON value of a reply, repaired where it has to be.

    Raises:
        ReplyError: it is empty, too long, or holds none.
    """
    if len(reply) > MAX_REPLY_CHARACTERS:
        raise ReplyError(f"the reply has {len(reply):,} characters, more than {MAX_REPLY_CHARACTERS:,}")
    if not reply.strip():
        raise ReplyError("the reply is empty")
    body = reply.strip()
    start = min((at for sign in "{[" if (at := body.find(sign)) >= 0), default=-1)
    if start < 0:
        raise ReplyError("the reply is prose without JSON")
    try:
        return json.JSONDecoder().raw_decode(body[start:])[0]
    except (json.JSONDecodeError, RecursionError):
        from json_repair import repair_json

        try:
            return repair_json(body[start:], return_objects=True)
        except (ValueError, RecursionError) as error:
            raise ReplyError(f"the reply is not JSON and cannot be repaired: {error}") from error


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict) and isinstance(value.get("examples"), list):
        return list(value["examples"])
    return value if isinstance(value, list) else [value]


def _turns(item: Any) -> tuple[Message, ...]:
    if not isinstance(item, dict):
        return ()
    messages: Any
    if {"question", "answer"} <= item.keys():
        messages = [
            {"role": "user", "content": item["question"]},
            {"role": "assistant", "content": item["answer"]},
        ]
    else:
        messages = item.get("messages") or item.get("turns") or []
    if not isinstance(messages, list):
        return ()
    try:
        return _Turns.model_validate({"messages": [_writable(turn) for turn in messages]}).messages
    except ValidationError:
        return ()


def _writable(turn: Any) -> Any:
    if isinstance(turn, dict) and isinstance(turn.get("content"), str):
        return {**turn, "content": without_surrogates(turn["content"])}
    return turn
