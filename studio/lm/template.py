"""The model's own chat template: the same rendering for training, sampling and chatting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studio.lm.errors import ModelError

Messages = Sequence[Mapping[str, str]]


class TemplateError(ModelError):
    """The base's chat template is missing or cannot render a conversation."""


class ChatTemplate:
    """Renders conversations to text by the tokenizer's template.

    A template without a system role (Gemma's raises, others drop it) gets the system prompt folded into the
    first user turn, two line ends between them.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        if not getattr(tokenizer, "chat_template", None):
            raise TemplateError(
                "This base has no chat template, so there is no way to tell its turns apart.",
                to_do="Choose an instruct model, or a template for it: jessy-studio train --template.",
            )
        self.source = str(tokenizer.chat_template)
        self.folds_system = not self._takes_system()

    def text(self, messages: Messages, *, reply_next: bool = False) -> str:
        """Return the conversation as text; `reply_next` adds what comes before an assistant's reply.

        Raises:
            TemplateError: the template refuses the conversation (roles that do not alternate, say).
        """
        shaped = [dict(message) for message in messages]
        if self.folds_system:
            shaped = _folded(shaped)
        try:
            return self._render(shaped, reply_next=reply_next)
        except Exception as error:  # a template raises what it likes, from inside jinja
            raise TemplateError(
                f"The base's chat template refuses a conversation: {str(error) or type(error).__name__}.",
                to_do="Let roles alternate, beginning with the user.",
            ) from error

    def _render(self, messages: list[dict[str, str]], *, reply_next: bool) -> str:
        return str(
            self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=reply_next)
        )

    def _takes_system(self) -> bool:
        mark = "a system prompt to look for"
        turns = [{"role": "system", "content": mark}, {"role": "user", "content": "hello"}]
        try:
            return mark in self._render(turns, reply_next=True)
        except Exception:
            return False


def _folded(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    if not messages or messages[0]["role"] != "system":
        return messages
    system, *rest = messages
    if rest and rest[0]["role"] == "user":
        rest[0] = {"role": "user", "content": f"{system['content']}\n\n{rest[0]['content']}"}
    return rest
