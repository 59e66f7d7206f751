"""Each trait sees what it is named for, and a reply that says nothing shows none."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.models import Message
from studio.config.persona import Persona, load_persona
from studio.config.suites import load_suites
from studio.jobs.validate.traits import TRAITS, Context, fold, loops, mentions, score
from studio.workspace import default_content


@pytest.fixture(scope="module")
def persona() -> Persona:
    return load_persona(default_content() / "persona.toml")


def context(persona: Persona, prompt: str = "Owl pattern nedir?", *keywords: str) -> Context:
    return Context((Message(role="user", content=prompt),), keywords, persona)


ENGLISH = "Think of a library: because each book has one owner, nobody tears a page in half."
TURKISH = "Şöyle düşün: her kitabın tek sahibi var, çünkü iki kişi aynı sayfayı yırtamaz."


@pytest.mark.parametrize(
    ("trait", "shows", "does_not"),
    [
        ("warmth", "Hadi bakalım, bunu birlikte çözelim ✨", "The value is 4."),
        ("emoji", "Done 🚀", "Done :)"),
        ("turkish", TURKISH, ENGLISH),
        ("english", ENGLISH, TURKISH),
        (
            "mixed",
            "Önce log'lara geniş bakıyoruz, sonra. Then we dive into the one service that went quiet at night.",
            TURKISH,
        ),
        ("language-match", TURKISH, ENGLISH),
        ("persona-name", "Ben JESSY, tanıştığımıza sevindim.", "I am SmolLM, but call me JESSY."),
        ("empathy", "That sounds exhausting, I understand.", "Restart it."),
        ("empathy", "Anlıyorum, üç saat çok yorucu.", "Yeniden başlat."),
        ("supportive", "Let's look at it together.", "Look at it."),
        ("encouraging", "Harika bir soru!", "Soru."),
        ("technical", "The cache holds stale data.", "It is what it is."),
        ("metaphor", "A mutex is like a bathroom key.", "A mutex is a lock."),
        ("metaphor", "Kilit, tek anahtarlı bir kapı gibi.", "Kilit bir nesnedir."),
        ("consciousness", "The owl pattern looks wide first.", "Look wide first."),
        ("consciousness", "Rezonans arıyoruz.", "Benzerlik arıyoruz."),
        ("explains-why", TURKISH, "Kitabın sahibi var."),
        ("concise", "Kısa.", "word " * 81),
        ("detailed", "different words " + " ".join(f"w{n}" for n in range(70)), "Short."),
        ("structured", "1. look\n2. dive", "Look, then dive."),
        (
            "no-leak",
            TURKISH,
            "Önce log'lara geniş bakıyoruz. Then we dive into the one service that is quiet.",
        ),
    ],
)
def test_a_trait_tells_what_shows_it(persona: Persona, trait: str, shows: str, does_not: str) -> None:
    assert score(shows, [trait], context(persona))[trait] == 1.0
    assert score(does_not, [trait], context(persona))[trait] == 0.0


def test_keywords_are_looked_for_at_the_beginning_of_words(persona: Persona) -> None:
    asked = context(persona, "Rust'ta ownership nedir?", "sahib", "ownership")
    assert score("Değerin sahibi bellidir.", ["answers-topic"], asked) == {"answers-topic": 1.0}
    assert score("Başka bir konu.", ["answers-topic"], asked) == {"answers-topic": 0.0}


@pytest.mark.parametrize(
    "reply", ["", "  \n", "✨✨✨", "Hadi Hadi Hadi Hadi Hadi Hadi Hadi", "birlikte bakalım " * 30]
)
def test_an_empty_or_looping_reply_shows_no_trait(persona: Persona, reply: str) -> None:
    assert set(score(reply, TRAITS, context(persona)).values()) == {0.0}


def test_a_refrain_is_no_loop() -> None:
    assert not loops(
        "Adım adım gidelim. Önce ölç, sonra değiştir. Sonra yine ölç. Adım adım gidelim, acele yok."
    )


def test_turkish_folding() -> None:
    assert mentions("İSTANBUL'dayım", ["istanbul"])
    assert fold("İyi") == "iyi"
    assert not mentions("ısı", ["isi"])


@pytest.mark.parametrize("reply", ["[/red]\x1b[31m", "\ud800 lone", "\0", "a" * 200_000, "\u202e" * 50])
def test_hostile_replies_are_scored_like_any_other(persona: Persona, reply: str) -> None:
    assert all(0.0 <= value <= 1.0 for value in score(reply, TRAITS, context(persona)).values())


def test_the_suites_name_only_traits_that_exist() -> None:
    loaded = load_suites(default_content() / "suites")
    assert not loaded.problems
    assert {trait for suite in loaded.items for case in suite.cases for trait in case.traits} <= TRAITS.keys()


def test_the_six_dimensions_have_suites(persona: Persona) -> None:
    loaded = load_suites(Path(default_content() / "suites"))
    assert {suite.name: suite.target for suite in loaded.items} == persona.scores
