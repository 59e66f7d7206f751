"""Find and replace over many examples: what would change is shown first, and all of it is one act."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from store.models import Example, Message
from studio.jobs.review.textindex import REGEX_SECONDS, SearchError


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
    if not (len(rule.find) > 2 and rule.find.startswith("/") and rule.find.endswith("/")):
        return lambda text: text.replace(rule.find, rule.instead)
    import regex

    try:
        compiled = regex.compile(rule.find[1:-1], regex.MULTILINE)
        # Tried once, so that a group that is not there is told before anything is changed.
        compiled.sub(rule.instead, "")
        _check_groups(rule.instead, compiled.groups)
    except (regex.error, RecursionError, OverflowError, IndexError) as error:
        raise SearchError(f"This is no regular expression: {error}.") from error

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
