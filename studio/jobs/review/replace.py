"""Find and replace over many examples: what would change is shown first, and all of it is one act."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from store.models import Example, Message
from studio.jobs.review.textindex import REGEX_SECONDS, SearchError, expression_of, told_if_no_expression


@dataclass(frozen=True)
class Rule:
    """What is looked for, and what comes in its place."""

    find: str
    """Letter for letter and with case; between slashes it is a regular expression."""
    instead: str
    """With `\\1` for the first group of a regular expression."""
    replies_only: bool = True
    """Leave the questions as they are."""


def replacer(rule: Rule) -> Callable[[str], str]:
    """Return what applies a rule to a text.

    Raises:
        SearchError: the expression, or what comes in its place, is none.
    """
    expression = expression_of(rule.find)
    if expression is None:
        return lambda text: text.replace(rule.find, rule.instead)
    import regex

    with told_if_no_expression():
        compiled = regex.compile(expression, regex.MULTILINE)
        # Tried once, so that a group that is not there is told before anything is changed.
        compiled.sub(rule.instead, "")
        _check_groups(rule.instead, compiled.groups)

    def replace(text: str) -> str:
        try:
            return str(compiled.sub(rule.instead, text, timeout=REGEX_SECONDS, concurrent=True))
        except TimeoutError as error:
            raise SearchError(
                f"This expression takes longer than {REGEX_SECONDS:g} s on one example."
            ) from error

    return replace


def changes(examples: Iterable[Example], rule: Rule) -> Iterator[tuple[Example, tuple[Message, ...]]]:
    """Yield the examples that the rule changes, with their new messages.

    An example of which a turn would be left empty is passed over. Raises SearchError as `replacer`.
    """
    replace = replacer(rule)
    for example in examples:
        new = tuple(
            message
            if rule.replies_only and message.role != "assistant"
            else message.model_copy(update={"content": replace(message.content)})
            for message in example.messages
        )
        if new != example.messages and all(message.content.strip() for message in new):
            yield example, new


def _check_groups(instead: str, groups: int) -> None:
    for number in re.findall(r"\\(\d)", instead):
        if int(number) > groups:
            raise IndexError(f"there is no group {number}")
