"""The language of a turn, on short, mixed and code-bearing text."""

from __future__ import annotations

import pytest

from studio.jobs.signals.language import language_of

PHRASES = ("Hadi bakalım!", "Süper!", "Tamam")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Merhaba!", "tr"),
        ("Kimsin?", "tr"),
        ("Bir Promise'i await etmezsen sonuç yerine söz alırsın.", "tr"),
        ("Who are you?", "en"),
        ("The borrow checker is like a careful librarian.", "en"),
        (
            "Owl pattern ile önce geniş bakıyoruz. Then we dive into the one place that moves. Gerisi kolay.",
            "mixed",
        ),
        ("```rust\nfn main() {}\n```", "code"),
        (
            "Şuna bak: ```python\nprint('the quick brown fox jumps over the lazy dog')\n``` sence neden çalışmıyor?",
            "tr",
        ),
        ("`x`", "code"),
        ("", "unknown"),
        ("42 + 1 = 43 🎯", "unknown"),
    ],
)
def test_language_of_a_turn(text: str, language: str) -> None:
    assert language_of(text, phrases=PHRASES) == language


def test_the_personas_phrases_are_no_leak() -> None:
    english = "Let us look at the log together and find the line that moves."
    assert language_of(f"Hadi bakalım! {english} Süper!", phrases=PHRASES) == "en"


def test_a_reply_that_is_only_a_phrase_is_in_its_language() -> None:
    assert language_of("Hadi bakalım!", phrases=PHRASES) == "tr"


@pytest.mark.parametrize("text", ["\0", "\ud800", "[/red]", "\u202eabc", "a" * 100_000, "```" * 1000])
def test_hostile_text_has_some_language(text: str) -> None:
    assert language_of(text) in {"tr", "en", "mixed", "code", "unknown"}
