"""Personal data is marked in what was collected; numbers, versions and places in code are none."""

from __future__ import annotations

import pytest

from store.models import Example, Message, Provenance
from studio.config.persona import load_persona
from studio.jobs.signals.checks import measure
from studio.jobs.signals.personal import kinds, personal
from studio.jobs.signals.ruler import ruler_of
from studio.workspace import default_content


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Bana ali.veli+is@gmail.com adresinden yaz", ["e-mail"]),
        ("0532 123 45 67 ara beni", ["phone"]),
        ("+90 532 123 45 67", ["phone"]),
        ("call (212) 555-2368 now", ["phone"]),
        ("0049 30 901820", ["phone"]),
        ("/home/ayse/notlar/plan.txt içinde", ["file names"]),
        ("C:\\Users\\Ayse\\x.docx", ["file names"]),
        ("bak: bütçe 2026.xlsx", ["file names"]),
        ("~/jessy/VISION.md ve ayse@posta.com.tr", ["e-mail", "file names"]),
        ("user@example.com, git@github.com:a/b.git", []),
        ("2026-01-02 12:30:44 build 123456", []),
        ("192.168.100.1:8080, 3.14159265358979, 1234567890123", []),
        ("10/12/2024 - 11/12/2024, 1 000 000 000", []),
        ("src/main.rs line 88, std::io, a/b", []),
        ("", []),
    ],
)
def test_kinds(text: str, found: list[str]) -> None:
    assert kinds(text) == found


def test_turns_are_named_and_the_data_is_not() -> None:
    turns = [
        Message(role="user", content="a@b.io"),
        Message(role="assistant", content="b@c.io, 0532 123 45 67"),
    ]
    assert personal(turns) == "e-mail (turns 1, 2), phone (turn 2)"


def test_only_collected_examples_are_marked() -> None:
    ruler = ruler_of(load_persona(default_content() / "persona.toml"), ())
    turns = (
        Message(role="user", content="me@home.io here"),
        Message(role="assistant", content="Hello there, friend."),
    )
    collected = Example(messages=turns, category="conversations", provenance=Provenance(teacher="import"))
    assert "personal: e-mail (turn 1)" in measure(collected, ruler).flags
    taught = collected.model_copy(update={"provenance": Provenance(teacher="anthropic")})
    assert not [flag for flag in measure(taught, ruler).flags if flag.startswith("personal")]
    # Measured again, it is marked once.
    again = collected.model_copy(update={"signals": measure(collected, ruler)})
    assert measure(again, ruler).flags == again.signals.flags
