"""From a conversation to tokens with their targets: every assistant turn, its end token, nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.lm.errors import ModelError
from studio.lm.template import ChatTemplate, Messages

Tokens = np.ndarray[Any, np.dtype[np.int32]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

_PROOF: Messages = (
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Merhaba!"},
    {"role": "assistant", "content": "Selam, nasılsın?"},
    {"role": "user", "content": "Two plus two?"},
    {"role": "assistant", "content": "Four."},
)
"""A conversation that every template has to render in a way that can be masked."""


class MaskError(ModelError):
    """The base's template can't be masked surely, and why."""


class BadExampleError(ValueError):
    """One example cannot be learned from; the others can."""


@dataclass(frozen=True)
class Lesson:
    """Tokens to learn from."""

    tokens: Tokens
    """Token ids, (length,)."""
    targets: Flags
    """True where the token is to be predicted, (length,); never at the first, at least once."""
    truncated: bool = False
    example: str = ""
    """The id of what it was made of."""

    def __len__(self) -> int:
        return len(self.tokens)


class Masker:
    """Renders conversations by a tokenizer's template and finds the assistant's tokens in them.

    The text before a reply (the template's own generation prompt) has to be the beginning of the text with the
    reply; what is between their ends is the reply. Where a template renders earlier turns differently once
    others follow (Qwen's drops their thoughts), each reply becomes a lesson of its own, as it is deployed.
    """

    def __init__(self, tokenizer: Any, *, max_length: int) -> None:
        """Prove the template on a known conversation.

        Raises:
            TemplateError: there is no template.
            MaskError: it cannot be masked surely.
        """
        self.template = ChatTemplate(tokenizer)
        self.max_length = max_length
        self._encode = getattr(tokenizer, "_tokenizer", tokenizer)
        self._ends = frozenset(int(token) for token in tokenizer.eos_token_ids)
        self._control = _control_tokens(self._encode)
        whole = self.template.text(_PROOF)
        self.one_lesson_a_turn = not all(
            whole.startswith(self.template.text(_PROOF[: index + 1])) for index in _replies(_PROOF)
        )
        try:
            self.lessons(_PROOF)
        except BadExampleError as error:
            raise MaskError(
                f"The base's chat template can't be masked surely: {error}.",
                to_do="Choose another base: it would learn from the wrong tokens.",
            ) from error

    def lessons(self, messages: Messages, left_out: Collection[int] = ()) -> list[Lesson]:
        """Return what there is to learn from a conversation, most often one lesson.

        `left_out` are indexes of assistant messages that are context only.

        Raises:
            BadExampleError: it holds control tokens, no reply to learn, or the template changes a reply.
        """
        for message in messages:
            if found := self._control.search(message["content"]):
                raise BadExampleError(f"it holds the control token {found.group()}")
        wanted = [index for index in _replies(messages) if index not in left_out]
        if not wanted:
            raise BadExampleError("it has no reply to learn from")
        if self.one_lesson_a_turn:
            return [self._lesson(messages[: index + 1], [index]) for index in wanted]
        return [self._lesson(messages, wanted)]

    def _lesson(self, messages: Messages, replies: list[int]) -> Lesson:
        whole = self.template.text(messages)
        encoded = self._encode(whole, add_special_tokens=False, return_offsets_mapping=True)
        tokens = np.asarray(encoded["input_ids"], dtype=np.int32)
        offsets = np.asarray(encoded["offset_mapping"], dtype=np.int64).reshape(-1, 2)
        targets = np.zeros(len(tokens), dtype=bool)
        for index in replies:
            start, end = self._span(messages, index, whole)
            inside = np.flatnonzero((offsets[:, 0] >= start) & (offsets[:, 1] <= end))
            ends = [position for position in inside if int(tokens[position]) in self._ends]
            if not ends:
                raise BadExampleError("a reply does not end with an end token")
            targets[inside[inside <= ends[0]]] = True
        targets[:1] = False
        return _cut(tokens, targets, self.max_length)

    def _span(self, messages: Messages, index: int, whole: str) -> tuple[int, int]:
        """Return where the reply's text begins and ends in `whole`, its end token included."""
        before = self.template.text(messages[:index], reply_next=True)
        through = self.template.text(messages[: index + 1])
        if not through.startswith(before):
            raise BadExampleError("the text before a reply changes when the reply is there")
        if not whole.startswith(through):
            raise BadExampleError("an earlier turn changes when others follow")
        if messages[index]["content"].strip() not in through[len(before) :]:
            raise BadExampleError("the template changes the text of a reply")
        return len(before), len(through)


def _replies(messages: Messages) -> Iterator[int]:
    return (index for index, message in enumerate(messages) if message["role"] == "assistant")


def _control_tokens(tokenizer: Any) -> re.Pattern[str]:
    """Match what would become a control token in the middle of a text: it would teach a wrong end."""
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    names = {str(token) for token in tokenizer.all_special_tokens}
    names |= {token.content for token in added if token.special}
    longest_first = sorted(filter(None, names), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def _cut(tokens: Tokens, targets: Flags, longest: int) -> Lesson:
    """Cut to `longest` tokens: the end goes; where all targets are there, the beginning goes instead."""
    if len(tokens) <= longest:
        return Lesson(tokens, targets)
    start = 0
    if not targets[:longest].any():
        first = int(np.flatnonzero(targets)[0])
        start = max(0, min(len(tokens), first + longest // 2) - longest)
    kept = slice(start, start + longest)
    cut = targets[kept].copy()
    cut[:1] = False
    return Lesson(tokens[kept], cut, truncated=True)
