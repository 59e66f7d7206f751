"""A conversation as a file: Markdown for people, JSON for programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Literal

from store.models import ChatSession
from studio.jobs.chat.conversation import numbered, shown
from studio.jobs.process.files import write_atomically
from studio.jobs.text import without_surrogates

Form = Literal["md", "json"]


def as_markdown(conversation: ChatSession, persona: str = "assistant") -> str:
    """Return what is shown of the conversation; what was thought is folded away."""
    lines = [f"# {conversation.title or 'Chat'}", "", f"Model: `{conversation.model}`", ""]
    if conversation.settings.system is not None:
        quoted = conversation.settings.system.replace("\n", "\n> ")
        lines += [f"> {quoted}", ""]
    for turn in shown(conversation):
        who = persona if turn.role == "assistant" else "You"
        lines += [f"## {who}", ""]
        if turn.thinking:
            lines += ["<details><summary>Thought</summary>", "", turn.thinking.strip(), "", "</details>", ""]
        lines += [turn.content, ""]
    return "\n".join(lines)


def as_json(conversation: ChatSession) -> str:
    """Return the whole conversation, every version of every turn; `messages` is what is shown."""
    whole = numbered(conversation)
    messages = [{"role": turn.role, "content": turn.content} for turn in shown(whole)]
    document = {"messages": messages, **whole.model_dump(mode="json")}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def write_export(conversation: ChatSession, folder: Path, form: Form, persona: str = "assistant") -> Path:
    """Write the conversation into a file of its own in `folder`, for its owner only; return where.

    Raises:
        OSError: the folder cannot be written.
    """
    text = as_json(conversation) if form == "json" else as_markdown(conversation, persona)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_name(conversation)}.{form}"
    write_atomically(path, without_surrogates(text).encode())
    return path


def _name(conversation: ChatSession) -> str:
    """Return a file name: the time and what is safe of the title."""
    safe = re.sub(r"[^\w-]+", "-", conversation.title, flags=re.UNICODE).strip("-_")[:40].casefold()
    moment = conversation.created_at.strftime("%Y%m%d-%H%M")
    return "-".join(part for part in (moment, safe, conversation.id[:6]) if part)
