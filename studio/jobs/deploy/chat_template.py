"""The chat template that Ollama gets: learnt from the base's own by looking at what it renders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Messages = Sequence[Mapping[str, str]]
Render = Callable[[Messages, bool], str]
"""Messages and whether the reply is to begin, to the text that the model sees."""

_S, _U, _A, _V = "systemword", "userword", "assistantword", "secondword"
_CHECKS: tuple[tuple[tuple[str, str], ...], ...] = (
    (("user", "a"),),
    (("system", "one\ntwo"), ("user", "I'll be\n\nthere")),
    (("user", "a"), ("assistant", "b {{ c }}"), ("user", "d")),
    (("system", "ş"), ("user", "ğ"), ("assistant", "🙂"), ("user", "e"), ("assistant", "f"), ("user", "g")),
)


@dataclass(frozen=True)
class Frame:
    """What stands before and after a message's text."""

    before: str
    after: str


@dataclass(frozen=True)
class ChatTemplate:
    """A chat template that frames each message by its role and nothing else."""

    system: Frame | None
    """None where the base knows no system role (Gemma)."""
    user: Frame
    assistant: Frame
    reply: str
    """What begins a reply."""
    no_system: str
    """What the base puts in front when there is no system message: SmolLM2 introduces itself."""

    def render(self, messages: Messages, *, begin_reply: bool = True) -> str:
        """Return the text of a conversation, without the token that begins a text."""
        frames = {"system": self.system, "user": self.user, "assistant": self.assistant}
        text = "" if any(message["role"] == "system" for message in messages) else self.no_system
        for message in messages:
            frame = frames[message["role"]]
            if frame is not None:
                text += frame.before + message["content"] + frame.after
        return text + (self.reply if begin_reply else "")

    def go(self, *, default_system: str | None = None) -> str:
        """Return the template in the language of Ollama's TEMPLATE.

        `default_system` stands in when a conversation has no system message, in place of the base's own.
        """
        no_system = self.no_system
        if default_system is not None and self.system is not None:
            no_system = self.system.before + default_system + self.system.after
        lines = ["{{- if not .System }}" + go_string(no_system) + "{{ end }}"] if no_system else []
        lines.append("{{- range .Messages }}")
        branch = "if"
        for role, frame in (("system", self.system), ("user", self.user), ("assistant", self.assistant)):
            if frame is not None:
                before, after = go_string(frame.before), go_string(frame.after)
                lines.append(f'{{{{- {branch} eq .Role "{role}" }}}}{before}{{{{ .Content }}}}{after}')
                branch = "else if"
        lines += ["{{- end }}", "{{- end }}" + go_string(self.reply)]
        return "\n".join(lines)


def go_string(text: str) -> str:
    """Return the template action that prints `text` exactly, escaped as Go escapes strings."""
    if not text:
        return ""
    return '{{ "' + "".join(_escaped(sign) for sign in text) + '" }}'


def learn(render: Render, begin_of_text: str = "") -> ChatTemplate | None:
    """Return a template that renders as `render` does, or None where framing by role cannot say it.

    The frames are read off conversations of marker words and then checked on others, character by character.
    `begin_of_text` is left out: llama.cpp puts it in front by itself.
    """

    def rendered(*messages: tuple[str, str], begin_reply: bool) -> str:
        text = render([{"role": role, "content": content} for role, content in messages], begin_reply)
        return text.removeprefix(begin_of_text)

    try:
        found = _read_frames(rendered)
        agrees = all(
            found.render([{"role": role, "content": content} for role, content in check], begin_reply=begin)
            == rendered(*check, begin_reply=begin)
            for check in _CHECKS
            if found.system is not None or check[0][0] != "system"
            for begin in (True, False)
        )
    except _UnlikeError:
        return None
    return found if agrees else None


class _UnlikeError(Exception):
    """The base's template does not work by frames."""


def _read_frames(rendered: Callable[..., str]) -> ChatTemplate:
    talk = (("user", _U), ("assistant", _A), ("user", _V))
    whole = rendered(*talk, begin_reply=False)
    start, between, turn, end = _cut(whole, _U, _A, _V)
    _, after_user = _cut(rendered(("user", _U), begin_reply=False), _U)
    *_, after_assistant = _cut(rendered(*talk[:2], begin_reply=False), _U, _A)
    if end != after_user or not between.startswith(after_user) or not turn.startswith(after_assistant):
        raise _UnlikeError
    before_user = turn.removeprefix(after_assistant)
    if not start.endswith(before_user):
        raise _UnlikeError
    with_reply = rendered(("user", _U), begin_reply=True)
    without = rendered(("user", _U), begin_reply=False)
    if not with_reply.startswith(without):
        raise _UnlikeError
    return ChatTemplate(
        system=_system_frame(rendered, before_user),
        user=Frame(before_user, after_user),
        assistant=Frame(between.removeprefix(after_user), after_assistant),
        reply=with_reply.removeprefix(without),
        no_system=start.removesuffix(before_user),
    )


def _system_frame(rendered: Callable[..., str], before_user: str) -> Frame | None:
    try:
        text = rendered(("system", _S), ("user", _U), begin_reply=False)
    except Exception as error:
        # A Jinja template says "no system role" by raising; anything else is a fault of ours.
        if type(error).__module__.partition(".")[0] != "jinja2":
            raise
        return None
    if _S not in text:
        return None
    before, between, _ = _cut(text, _S, _U)
    if not between.endswith(before_user):
        raise _UnlikeError
    return Frame(before, between.removesuffix(before_user))


def _cut(text: str, *words: str) -> tuple[str, ...]:
    """Split `text` at each of the words, which must stand in it once, in this order."""
    parts: list[str] = []
    for word in words:
        before, found, text = text.partition(word)
        if not found or word in text:
            raise _UnlikeError
        parts.append(before)
    return (*parts, text)


def _escaped(sign: str) -> str:
    plain = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    if sign in plain:
        return plain[sign]
    code = ord(sign)
    if 0x20 <= code < 0x7F or sign.isalnum():
        return sign
    if 0xD800 <= code <= 0xDFFF:
        return "\\ufffd"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
