"""The Modelfile beside a deployment: the same model said in Ollama's own file format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from studio.jobs.deploy.chat_template import ChatTemplate

Parameters = Mapping[str, int | float | str | Sequence[str]]

_FENCE = '"""'
_ENDS_VALUE = re.compile(r'"""(?=\s*[\r\n])')


def can_say(text: str) -> bool:
    """Say whether the grammar of a Modelfile can carry `text` as a quoted value.

    It has no escapes: a line that ends with three quotes ends the value, and signs that Go does not count as
    printable (the joiner inside family emoji, no-break spaces, control characters) are dropped.
    """
    if any(not sign.isprintable() and sign not in "\n\r\t" for sign in text):
        return False
    # The fence that opens the value cannot end it at once: both together are six quotes.
    return all(match.end() < 2 * len(_FENCE) for match in _ENDS_VALUE.finditer(_FENCE + text))


def write_modelfile(
    *, origin: str, template: ChatTemplate | None, system: str, parameters: Parameters, comment: str
) -> str:
    """Return a Modelfile that makes the model `origin` again, with any text as its system prompt.

    What SYSTEM cannot say exactly becomes an escaped string in TEMPLATE, where it has the same effect: it is
    used when a conversation brings no system message of its own.
    """
    sayable = can_say(system)
    lines = [f"# {line}" for line in comment.splitlines()]
    lines.append(f"FROM {origin}")
    if template is not None:
        lines.append(f"TEMPLATE {_quoted(template.go(default_system=None if sayable else system))}")
    if system and sayable:
        lines.append(f"SYSTEM {_quoted(system)}")
    elif system and template is None:
        lines.append("# The system prompt has signs that this format cannot carry; they are left out here.")
        lines.append(f"SYSTEM {_quoted(_without_unsayable(system))}")
    for name, value in parameters.items():
        values = [value] if isinstance(value, int | float | str) else value
        lines += [f"PARAMETER {name} {_quoted(v) if isinstance(v, str) else v}" for v in values]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return f"{_FENCE}{text}{_FENCE}"


def _without_unsayable(text: str) -> str:
    kept = "".join(sign for sign in text if sign.isprintable() or sign in "\n\t")
    return kept if can_say(kept) else kept.replace(_FENCE, "'''")
