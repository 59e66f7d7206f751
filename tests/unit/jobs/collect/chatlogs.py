"""Chat logs written and read by tests."""

from __future__ import annotations

import json
from typing import Any

from studio.jobs.collect.chats import conversations


def said(path: str, text: str) -> list[list[tuple[str, str]]]:
    return [[(m.role, m.content) for m in piece.messages] for piece in conversations(path, text)[0]]


def lines(*values: Any) -> str:
    return "\n".join(json.dumps(value, ensure_ascii=False) for value in values)


def claude(*messages: dict[str, Any], name: str = "Owl") -> dict[str, Any]:
    return {"uuid": "1", "name": name, "created_at": "2026-01-01T00:00:00Z", "chat_messages": list(messages)}
