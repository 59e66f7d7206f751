"""Find and replace: what changes, what is passed over, what is refused."""

from __future__ import annotations

import pytest

from store.models import Example, Message
from studio.jobs.review.replace import Rule, changes
from studio.jobs.review.textindex import SearchError


def example(key: str, asked: str, reply: str) -> Example:
    turns = (Message(role="user", content=asked), Message(role="assistant", content=reply))
    return Example(id=key, messages=turns, category="c")


ALL = [example("a", "jessie?", "Ben jessie."), example("b", "x", "y"), example("c", "x", "jessie")]


def after(rule: Rule) -> dict[str, tuple[str, ...]]:
    return {e.id: tuple(m.content for m in new) for e, new in changes(ALL, rule)}


def test_replies_only_unless_asked() -> None:
    assert after(Rule("jessie", "JESSY")) == {"a": ("jessie?", "Ben JESSY."), "c": ("x", "JESSY")}
    assert after(Rule("jessie", "JESSY", replies_only=False))["a"] == ("JESSY?", "Ben JESSY.")


def test_regular_expressions_with_groups() -> None:
    assert after(Rule("/(jes+)ie/", "\\1y")) == {"a": ("jessie?", "Ben jessy."), "c": ("x", "jessy")}


def test_a_letter_for_letter_text_is_no_expression() -> None:
    assert after(Rule("jes.ie", "x")) == {}


def test_what_would_empty_a_turn_is_passed_over() -> None:
    assert after(Rule("jessie", "")) == {"a": ("jessie?", "Ben .")}


@pytest.mark.parametrize("rule", [Rule("/(/", "x"), Rule("/a/", "\\1"), Rule("/(a)/", "\\2")])
def test_rubbish_is_refused_before_anything_changes(rule: Rule) -> None:
    with pytest.raises(SearchError, match="no regular expression"):
        list(changes(ALL, rule))
