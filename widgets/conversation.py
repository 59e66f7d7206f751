"""A conversation to read: each turn with its role, language and length, then its text as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from widgets.safe import safe, safe_line

_MOST_HIGHLIGHTED = 8_000
"""Characters of a piece of code that gets its colours; more would be waited for."""


@dataclass(frozen=True)
class Turn:
    """One turn; `language` is empty where it is not known."""

    role: str
    text: str
    language: str = ""
    left_out: bool = False
    """True for an assistant turn that is context only."""


class Conversation(Widget):
    """Turns one below the other, then lines of facts about them; as high as they are, among other widgets.

    Where nothing else scrolls with it, `ConversationPane` shows the next one without a new layout.
    """

    DEFAULT_CSS = "Conversation { width: 1fr; height: auto; }"

    turns: reactive[tuple[Turn, ...]] = reactive((), layout=True)
    facts: reactive[tuple[str, ...]] = reactive((), layout=True)
    persona: reactive[str] = reactive("assistant")
    """The name that the assistant's turns carry."""

    def render(self) -> Content:
        return conversation_content(self.turns, self.facts, persona=self.persona)


def conversation_content(
    turns: Sequence[Turn],
    facts: Sequence[str] = (),
    *,
    persona: str = "assistant",
    empty: str = "",
    marked: int | None = None,
) -> Content:
    """Return turns one below the other, then facts; `empty` where there are none of both.

    `persona` is the name that the assistant's turns carry, `marked` the place from 0 of the turn that a key acts on.
    """
    if not turns and not facts:
        return Content.styled(empty, "$text-muted")
    parts: list[Content] = []
    for place, turn in enumerate(turns):
        head = _head(turn, persona)
        if place == marked:
            head = Content.assemble(("▸ ", "bold $accent"), head)
        parts.extend((head, _body(turn.text, muted=turn.left_out), Content("")))
    parts.extend(Content.styled(safe_line(fact), "$text-muted") for fact in facts)
    return Content("\n").join(parts)


def _head(turn: Turn, persona: str) -> Content:
    name = persona if turn.role == "assistant" else turn.role
    words = len(turn.text.split())
    facts = [safe_line(turn.language, 20)] if turn.language else []
    facts.append(f"{words:,} words" if words != 1 else "1 word")
    if turn.left_out:
        facts.append("context only")
    style = "bold $accent" if turn.role == "assistant" else "bold $foreground"
    return Content.assemble((safe_line(name, 40), style), (" · " + " · ".join(facts), "$text-muted"))


def _body(text: str, *, muted: bool = False) -> Content:
    """Return the text; code between fences keeps its own ground, and what is context only steps back."""
    if muted:
        return Content.styled(safe(text), "$text-muted")
    lines: list[Content] = []
    code: list[str] | None = None
    language = ""
    for line in safe(text).split("\n"):
        if line.lstrip().startswith("```"):
            if code is None:
                code, language = [], line.strip().strip("`").split(" ")[0]
            else:
                lines += [code_content("\n".join(code), language)] if code else []
                code = None
            lines.append(Content.styled(line, "$text-muted"))
        elif code is not None:
            code.append(line)
        else:
            lines.append(Content(line))
    if code:
        lines.append(code_content("\n".join(code), language))
    return Content("\n").join(lines)


@lru_cache(maxsize=64)
def code_content(text: str, language: str) -> Content:
    """Return code in its language's colours; without a known language, or when it is long, in one."""
    if language and len(text) <= _MOST_HIGHLIGHTED:
        from textual.highlight import highlight

        shown = highlight(text, language=language)
        if shown.plain == text:
            return shown
    return Content.styled(text, "$secondary")
