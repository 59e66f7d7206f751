"""Nothing that a terminal or an eye would obey gets through; everything that one could read does."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.hostile import FORBIDDEN, KNOWN, hostile
from widgets.safe import LINE_LIMIT, content, rich_text, safe, safe_line

ANY_TEXT = st.text(st.characters(codec=None), max_size=200) | st.sampled_from(KNOWN)


@given(ANY_TEXT)
def test_nothing_forbidden_gets_through(text: str) -> None:
    assert not FORBIDDEN.search(safe(text))
    assert not FORBIDDEN.search(safe_line(text))


@given(st.text(st.characters(codec=None), max_size=200))
def test_making_safe_twice_changes_nothing(text: str) -> None:
    once = safe(text)
    assert safe(once) == once


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "M", "Z")), max_size=200))
def test_what_can_be_read_stays(text: str) -> None:
    assert safe(text) == text


@given(ANY_TEXT, st.integers(1, 80))
def test_a_line_is_one_line_within_its_limit(text: str, limit: int) -> None:
    line = safe_line(text, limit)
    assert "\n" not in line
    assert len(line) <= limit


def test_hostile_strings_become_plain_text() -> None:
    for text in hostile(2_000):
        plain = safe(text)
        assert not FORBIDDEN.search(plain), ascii(text[:200])
        plain.encode("utf-8")
        assert content(text).plain == plain
        assert content(text).spans == []
        assert rich_text(text).plain == plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ end", "link end"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]0;unended\nnext line", "\nnext line"),
        ("a\x00b", "a␀b"),
        ("bell\x07", "bell␇"),
        ("\ud800", "\ufffd"),
        ("\u202eabc", "\ufffdabc"),
        ("[/red]", "[/red]"),
        ("a\r\nb\u2028c", "a\nb\nc"),
        ("\tx", "    x"),
        ("👩‍🚀", "👩‍🚀"),
    ],
)
def test_what_is_shown_instead(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_a_long_line_says_how_much_is_missing() -> None:
    assert safe("x" * (LINE_LIMIT + 1_234)).endswith("… 1,234 more characters")


def test_a_long_text_says_how_much_is_missing() -> None:
    assert safe("ab\n" * 100, text_limit=30).endswith("… 270 more characters are not shown")


def test_neither_textual_nor_rich_is_imported() -> None:
    code = "import sys, widgets.safe; print([m for m in ('textual', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
