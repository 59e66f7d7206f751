"""What a recipe expects is checked by functions: each broken example is told its reason, and good ones pass."""

from __future__ import annotations

import pytest

from store.models import Message
from studio.config.recipes import Recipe, load_recipes
from studio.jobs.generate.check import faults
from studio.jobs.generate.parts import has_passes, has_word
from studio.workspace import default_content

RECIPES = {recipe.name: recipe for recipe in load_recipes(default_content() / "recipes").items}
NINE = [f"{number}. Pass {number} says something new." for number in range(1, 10)]


def pair(question: str, answer: str) -> list[Message]:
    return [Message(role="user", content=question), Message(role="assistant", content=answer)]


def grouped(lines: list[str], heading: str) -> str:
    return "\n".join([heading % 1, *lines[:3], heading % 2, *lines[3:6], heading % 3, *lines[6:]])


@pytest.mark.parametrize(
    "reply",
    [
        grouped(NINE, "**Round %d**"),
        grouped(NINE, "## Round %d"),
        "\n".join([*NINE[:3], "", *NINE[3:6], "", *NINE[6:]]),
        grouped([line.replace(". ", ") ", 1) for line in NINE], "Round %d:"),
        grouped([f"**{line}**" for line in NINE], "Round %d"),
        grouped([f"- Pass {n}: it moves" for n in range(1, 10)], "### Round %d"),
        grouped([f"{n}. geçiş: ilerler" for n in range(1, 10)], "**Tur %d**"),
    ],
)
def test_nine_passes_in_three_groups_are_found_however_they_are_written(reply: str) -> None:
    assert has_passes(reply, (3, 3, 3))


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (grouped(NINE[:8], "**%d**"), "8 of 9 numbered passes"),
        ("\n".join(NINE), "not in 3 groups"),
        (grouped([*NINE[:4], *NINE[5:]], "Round %d:"), "4 of 9 numbered passes"),
        ("First explore, then refine, then crystallize.", "0 of 9 numbered passes"),
    ],
)
def test_a_broken_nine_iteration_reply_says_what_is_missing(reply: str, said: str) -> None:
    recipe = RECIPES["nine-iteration"]
    (found,) = faults(pair("How do I scan faster?", reply), recipe, recipe.slots[0], ())
    assert said in found


def test_synesthetic_asks_for_all_senses() -> None:
    recipe = RECIPES["synesthetic"]
    answer = (
        "See a red key in one palm. Hear one note that moves on. Then the exact rule: one owner at a time."
    )
    found = faults(pair("Why is a moved value dead?", answer), recipe, recipe.slots[0], ())
    assert [fault.partition(" is")[0] for fault in found] == [
        "a touch (kinesthetic)",
        "a feeling (emotional)",
    ]
    whole = f"{answer} Your hand feels the weight leave, and what stays is a feeling of relief."
    assert faults(pair("Why is a moved value dead?", whole), recipe, recipe.slots[0], ()) == ()


def test_technical_asks_for_why_and_not_only_what() -> None:
    recipe = RECIPES["technical"]
    what = "This function takes a list and returns the largest number in it. It walks over each element once."
    assert faults(pair("What does it do?", what), recipe, recipe.slots[0], ()) == (
        "WHY and not only what is missing",
    )
    why = f"{what} It starts at the first element because zero would be wrong for negative numbers."
    assert faults(pair("What does it do?", why), recipe, recipe.slots[0], ()) == ()


@pytest.mark.parametrize(
    ("slot", "question", "answer", "said"),
    [
        (
            "tr-en",
            "What is a lifetime in Rust, please?",
            "It says how long a reference is good.",
            "message 1 is in en",
        ),
        (
            "en-tr",
            "What is a lifetime in Rust, please?",
            "It says how long a reference is good.",
            "message 2 is in en",
        ),
        ("en-tr", "What is a lifetime in Rust, please?", "Bir referansın ne kadar yaşadığını söyler.", ""),
        ("tr-en", "Rust'ta yaşam süresi nedir, anlatır mısın?", "It says how long a reference is good.", ""),
    ],
)
def test_each_turn_has_its_language(slot: str, question: str, answer: str, said: str) -> None:
    recipe = RECIPES["turkish"]
    found = faults(pair(question, answer), recipe, recipe.slot(slot), ())
    assert (said in found[0]) if said else found == ()


def conversation(turns: int) -> list[Message]:
    return [
        message
        for n in range(turns)
        for message in pair(f"What about step {n} of it?", f"Do step {n} first.")
    ]


@pytest.mark.parametrize(("turns", "wrong"), [(5, False), (4, False), (6, False), (3, True), (7, True)])
def test_what_was_ordered_has_the_turns_of_its_slot(turns: int, wrong: bool) -> None:
    recipe: Recipe = RECIPES["conversation-flow"]
    slot = recipe.slot("debugging-session")
    found = faults(conversation(turns), recipe, slot, (), language="en")
    assert bool(found) is wrong
    # Hand-written ones are judged by the recipe's bounds.
    assert faults(conversation(turns), recipe, slot, ()) == ()


def test_parts_are_asked_only_of_their_languages() -> None:
    recipe = RECIPES["synesthetic"]
    only_english = recipe.expect.parts[0].model_copy(update={"languages": ("en",)})
    expect = recipe.expect.model_copy(update={"parts": (only_english,)})
    changed = recipe.model_copy(update={"expect": expect})
    assert faults(pair("Neden?", "Kural şudur."), changed, None, (), language="tr") == ()
    assert len(faults(pair("Why?", "The rule is this."), changed, None, (), language="en")) == 1


def test_turkish_capitals_are_no_other_words() -> None:
    assert has_word("IŞIK ve İnce bir ses", ["ışık"])
    assert has_word("IŞIK ve İnce bir ses", ["ince"])
    assert not has_word("blight", ["light"])
