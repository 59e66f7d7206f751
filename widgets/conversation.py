"""A conversation to read: each turn with its role, language and length, then its text as it is."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from widgets.safe import safe, safe_line


@dataclass(frozen=True)
class Turn:
    """One turn; `language` is empty where it is not known."""

    role: str
    text: str
    language: str = ""
    left_out: bool = False
    """True for an assistant turn that is context only."""


class Conversation(Widget):
    """Turns one below the other, then lines of facts about them. Put it in something that scrolls."""

    DEFAULT_CSS = "Conversation { width: 1fr; height: auto; }"

    turns: reactive[tuple[Turn, ...]] = reactive((), layout=True)
    facts: reactive[tuple[str, ...]] = reactive((), layout=True)
    persona: reactive[str] = reactive("assistant")
    """The name that the assistant's turns carry."""
    empty: reactive[str] = reactive("")

    def render(self) -> Content:
        if not self.turns and not self.facts:
            return Content.styled(self.empty, "$text-muted")
        parts: list[Content] = []
        for turn in self.turns:
            parts.extend((self._head(turn), _body(turn.text), Content("")))
        parts.extend(Content.styled(safe_line(fact), "$text-muted") for fact in self.facts)
        return Content("\n").join(parts)

    def _head(self, turn: Turn) -> Content:
        name = self.persona if turn.role == "assistant" else turn.role
        words = len(turn.text.split())
        facts = [safe_line(turn.language, 20)] if turn.language else []
        facts.append(f"{words:,} words" if words != 1 else "1 word")
        if turn.left_out:
            facts.append("context only")
        style = "bold $accent" if turn.role == "assistant" else "bold $foreground"
        return Content.assemble((safe_line(name, 40), style), (" · " + " · ".join(facts), "$text-muted"))


def _body(text: str) -> Content:
    """Return the text; code between fences keeps its own ground."""
    lines: list[Content] = []
    fenced = False
    for line in safe(text).split("\n"):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            lines.append(Content.styled(line, "$text-muted"))
        else:
            lines.append(Content.styled(line, "$secondary") if fenced else Content(line))
    return Content("\n").join(lines)
