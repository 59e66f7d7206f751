"""What the enhancer adds to one example, where it adds it, and what it leaves alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.models import Example, Message, Provenance, Status
from studio.config.errors import ConfigError
from studio.config.persona import load_persona
from studio.jobs.enhance.enhancer import Enhanced, enhance
from studio.jobs.enhance.kit import Kit
from studio.jobs.enhance.prose import _code, at_end, behind, in_front
from studio.jobs.review import decisions, versions
from studio.workspace import default_content
from tests.fixtures.hostile import hostile

KIT = Kit(load_persona(default_content() / "persona.toml"))
EXPLAINED = "A closure keeps the variables that were there when it was made, so it still knows them later."


def example(asked: str, reply: str, key: str = "a", **fields: object) -> Example:
    turns = (Message(role="user", content=asked), Message(role="assistant", content=reply))
    return Example.model_validate({"id": key, "messages": turns, "category": "c", **fields})


def additions(made: Enhanced | None) -> set[str]:
    return {change.kind for change in made.changes} if made else set()


def seeds(one: Example, number: int = 40) -> list[Enhanced | None]:
    return [enhance(one, KIT, seed) for seed in range(number)]


# --- Where which is added ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        "It works now!",
        "Tests passed, all green.",
        "Sonunda çözdüm!",
        "İki haftadır uğraşıyordum, başardım!",
        "Bitti!",
    ],
)
def test_a_success_is_celebrated_with_the_persona_s_signs(asked: str) -> None:
    for made in seeds(example(asked, "That was the hard part. Well done.")):
        assert made is not None
        sign = next(change.words for change in made.changes if change.kind == "celebration")
        assert sign in KIT.emojis
        assert re.search(rf"Well done\. {sign}", made.messages[1].content)


@pytest.mark.parametrize(
    "asked",
    [
        "It does not work.",
        "It never worked.",
        "Çalışmadı yine.",
        "Tests passed but now it crashes, I'm so tired",
        "Bir türlü olmuyor, bıktım.",
        "What is a test?",
        "```\nit works now\n```\nWhat does this print?",
    ],
)
def test_what_is_no_success_is_not_celebrated(asked: str) -> None:
    assert not any(
        "celebration" in additions(made) for made in seeds(example(asked, "Let us look at it together."))
    )


def test_a_phrase_comes_in_three_of_ten_replies() -> None:
    many = [enhance(example("Merhaba", "Buradayım.", key=str(number)), KIT, 1) for number in range(4_000)]
    share = sum("phrase" in additions(made) for made in many) / len(many)
    # Five standard deviations of 4,000 throws.
    assert abs(share - 0.3) < 0.037
    words = {change.words for made in many if made for change in made.changes}
    assert words == {"Hadi bakalım!", "Tamam!", "Kolay gelsin!"}


def test_praise_is_for_a_success_and_nobody_in_trouble_is_cheered_up() -> None:
    praised = {
        c.words
        for made in seeds(example("Başardım!", "Güzel iş."))
        if made
        for c in made.changes
        if c.kind == "phrase"
    }
    assert praised <= {"Süper!", "Mükemmel!", "Eline sağlık!", "Kolay gelsin!"}
    assert "Hadi bakalım!" not in praised
    assert seeds(example("Üç saattir takıldım, yoruldum.", "Birlikte bakalım.")) == [None] * 40


@pytest.mark.parametrize(
    ("asked", "reply", "language"),
    [
        ("Can you explain closures?", EXPLAINED, "en"),
        ("Closure nedir?", "Closure, kurulduğu andaki değişkenleri yanında taşıyan bir fonksiyondur.", "tr"),
    ],
)
def test_an_explanation_ends_with_a_picture_in_its_language(asked: str, reply: str, language: str) -> None:
    pictures = {each.text: each.language for each in KIT.persona.metaphors}
    for made in seeds(example(asked, reply)):
        assert made is not None
        (words,) = [change.words for change in made.changes if change.kind == "metaphor"]
        assert pictures[words] == language
        assert made.messages[1].content.endswith(f"\n\n{words}")


def test_the_picture_is_of_what_is_spoken_of() -> None:
    asked = "Explain how I search a big codebase for a bug"
    reply = "Scan wide and quietly over several places, notice the faintest unusual signal, then dive deep into one."
    made = enhance(example(asked, reply), KIT, 3)
    assert made is not None
    assert "owl pattern" in made.changes[-1].words


def test_what_is_there_already_is_not_added() -> None:
    assert (
        seeds(example("It works! Can you explain why?", "Süper! The owl pattern found it ✨")) == [None] * 40
    )
    assert not any(
        "metaphor" in additions(made) for made in seeds(example("Explain it", "It is crystallization."))
    )
    assert not any(
        "phrase" in additions(made) for made in seeds(example("Selam", "Hadi bakalım, başlayalım."))
    )


def test_one_picture_an_example_and_no_word_in_turns_that_are_left_out() -> None:
    turns = [
        Message(role=role, content=text)
        for role, text in (("user", "Explain it"), ("assistant", EXPLAINED)) * 3
    ]
    long = Example(id="b", messages=tuple(turns), category="c", left_out_turns=(1,))
    for made in seeds(long):
        assert made is not None
        assert sum(change.kind == "metaphor" for change in made.changes) == 1
        assert all(change.turn != 2 for change in made.changes)
        assert made.messages[1] == turns[1]
        assert [m for m in made.messages if m.role == "user"] == [m for m in turns if m.role == "user"]


# --- The dice ----------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_words_and_another_one_others() -> None:
    many = [example("Explain it", EXPLAINED, key=str(number)) for number in range(50)]
    first = [enhance(each, KIT, 1) for each in many]
    assert first == [enhance(each, KIT, 1) for each in reversed(many)][::-1]
    assert first != [enhance(each, KIT, 2) for each in many]


# --- Never twice, and undone at one key --------------------------------------------------------------------


def test_never_twice_and_never_what_was_rejected() -> None:
    one = example("Explain it", EXPLAINED, status=Status.ACCEPTED)
    made = enhance(one, KIT, 1)
    assert made is not None
    new = versions.enhance(one, made.messages, "enhancer, seed 1", reason=made.reason)
    assert (new.status, new.original, new.provenance.enhanced) == (
        Status.PENDING,
        one.messages,
        "enhancer, seed 1",
    )
    assert seeds(new) == [None] * 40
    with pytest.raises(ValueError, match="before"):
        versions.enhance(new, one.messages, "enhancer, seed 2", reason="")
    assert seeds(one.model_copy(update={"status": Status.REJECTED})) == [None] * 40


def test_undo_brings_everything_back_and_redo_again() -> None:
    one = decisions.decide(
        example("Explain it", EXPLAINED, provenance=Provenance(teacher="anthropic", cost_usd=0.01)), "accept"
    )
    made = enhance(one, KIT, 1)
    assert made is not None
    new = versions.enhance(one, made.messages, "enhancer, seed 1", reason=made.reason)
    back = decisions.undo(new)
    assert back.model_copy(update={"undone": ()}) == one
    assert decisions.redo(back) == new
    assert enhance(back, KIT, 1) is not None


# --- Never inside code -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        "```rust\nfn main() {}\n```",
        "Look:\n\n```py\nprint('x')\n```",
        "Look:\n\n```py\nprint('never closed')",
        "~~~\nx\n~~~\n\nThat is all.",
        "Call `owl()`",
        "- one\n- two\n\n      indented code",
        "    indented\n    code",
        "<pre>\nraw",
        "# Only a title",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "> quoted",
    ],
)
def test_code_stays_as_it_is(reply: str) -> None:
    for made in seeds(example("It works now! Explain why", reply)):
        if made is not None:
            assert _code(made.messages[1].content) == _code(reply)
            for line in reply.split("\n"):
                assert line in made.messages[1].content


def test_a_reply_that_is_data_is_left_alone() -> None:
    assert seeds(example("It works! Explain it", '{"answer": [1, 2]}')) == [None] * 40


_LINES = st.lists(
    st.sampled_from(
        [
            "```",
            "~~~",
            "````py",
            "    code",
            "text.",
            "`a`",
            "- item",
            "# title",
            "",
            "> q",
            "<pre>",
            "</pre>",
            "<!--",
            "1. x",
            "\ttab",
        ]
    ),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(_LINES)
def test_no_addition_ever_comes_into_code(lines: list[str]) -> None:
    text = "\n".join(lines)
    for add in (in_front, at_end, behind):
        made = add(text, "Süper!")
        if made is not None:
            assert _code(made) == _code(text)
            assert not any("Süper!" in code for code in _code(made))
            # Nothing is lost; only words come.
            assert [c for c in made.replace("Süper!", "") if not c.isspace()] == [
                c for c in text if not c.isspace()
            ]


def test_hostile_replies_neither_stop_it_nor_lose_a_word() -> None:
    for number, text in enumerate(hostile(120)):
        made = enhance(example("It works! Can you explain it?", text or " ", key=str(number)), KIT, 1)
        if made is not None:
            assert _code(made.messages[1].content) == _code(text)


# --- The persona's file ------------------------------------------------------------------------------------


def test_a_metaphor_needs_a_concept_of_the_glossary(tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "persona.toml"
    text = (default_content() / "persona.toml").read_text(encoding="utf-8")
    file.write_text(text.replace('concept = "owl pattern"', 'concept = "bat pattern"', 1), encoding="utf-8")
    with pytest.raises(ConfigError, match="bat pattern"):
        load_persona(file)


def test_a_persona_without_all_of_this_adds_nothing(tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "persona.toml"
    file.write_text('name = "X"\nlanguages = ["en"]\nsystem_prompt = "x"\n', encoding="utf-8")
    kit = Kit(load_persona(file))
    assert enhance(example("It works! Explain it", EXPLAINED), kit, 1) is None
