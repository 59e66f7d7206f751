"""Words of an example: found in Turkish too, edited as one text, edited in an editor of the person's own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.models import Message
from studio.jobs.events import JobError
from studio.jobs.review.editor import edit_in_editor
from studio.jobs.review.search import matches
from studio.jobs.review.textform import from_text, to_text

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1).map(
    lambda text: text.strip("\n")
)
MESSAGES = st.lists(
    st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=WORDS),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("İSTANBUL", "istanbul", True),
        ("istanbul", "İSTANBUL", True),
        ("ısı", "isi", False),
        ("ısı", "ISI", True),
        ("isi", "İSİ", True),
        ("INDEX", "the index of it", True),
        ("index", "INDEX", True),
        ("ÇAĞRI", "çağrı", True),
        ("a.b", "axb", False),
        ("", "anything", True),
    ],
)
def test_search_knows_turkish(query: str, text: str, found: bool) -> None:
    assert matches(query, text) is found


@given(MESSAGES)
def test_a_conversation_survives_its_text(messages: list[Message]) -> None:
    assert from_text(to_text(messages)) == tuple(messages)


@pytest.mark.parametrize("line", ["=== user ===", "\\=== user ===", "\\", "\\\\x"])
def test_lines_that_look_like_heads_survive(line: str) -> None:
    messages = (Message(role="user", content="x"), Message(role="assistant", content=f"a\n{line}\nb"))
    assert from_text(to_text(messages)) == messages


@pytest.mark.parametrize(
    ("text", "wrong"), [("", "no turn"), ("hello\n=== user ===\nx", "line 1 stands before")]
)
def test_text_without_turns_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        from_text(text)


def editor(tmp_path: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "an editor.py"
    script.write_text(f"import sys\npath = sys.argv[-1]\n{code}\n")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} '{script}'")


def test_the_editor_gets_the_text_and_gives_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor(tmp_path, "text = open(path).read(); open(path, 'w').write(text.upper())", monkeypatch)
    assert edit_in_editor("merhaba $(touch x); `y`") == "MERHABA $(TOUCH X); `Y`"


@pytest.mark.parametrize(
    ("code", "what"),
    [("sys.exit(3)", "ended with code 3"), ("open(path, 'wb').write(b'\\xff\\xfe\\xff')", "cannot be read")],
)
def test_an_editor_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, what: str
) -> None:
    editor(tmp_path, code, monkeypatch)
    with pytest.raises(JobError, match=what):
        edit_in_editor("x")


@pytest.mark.parametrize(
    ("command", "what"), [("/no/such/editor", "cannot be started"), ("'unclosed", "is not a command line")]
)
def test_an_editor_that_is_none(monkeypatch: pytest.MonkeyPatch, command: str, what: str) -> None:
    monkeypatch.setenv("VISUAL", command)
    with pytest.raises(JobError, match=what):
        edit_in_editor("x")
