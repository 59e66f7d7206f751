"""The signals of whole examples, against real recipes and the real persona."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from store.models import Example, Message, Signals
from studio.config.persona import load_persona
from studio.config.recipes import load_recipes
from studio.config.settings import SignalSettings
from studio.jobs.signals.checks import measure, measure_again
from studio.jobs.signals.ruler import Ruler, ruler_of
from studio.workspace import default_content

TURKISH = "Önce bütün ormana bakarız, sonra tek bir dala odaklanır ve onu sonuna kadar takip ederiz."
ENGLISH = "First we look at the whole forest, then we choose one branch and follow it to its end."


@pytest.fixture(scope="module")
def ruler() -> Ruler:
    content = default_content()
    return ruler_of(load_persona(content / "persona.toml"), load_recipes(content / "recipes").items)


def example(
    reply: str, *, recipe: str | None = "turkish", slot: str | None = "tr-tr", **fields: object
) -> Example:
    turns = (Message(role="user", content="Nasıl bakarız?"), Message(role="assistant", content=reply))
    made = Example(id="e", messages=turns, category="turkish", recipe=recipe, slot=slot)
    return made.model_copy(update=fields)


def names(made: Example, ruler: Ruler) -> set[str]:
    return {flag.partition(":")[0] for flag in measure(made, ruler).flags}


def test_a_good_example_has_no_flags(ruler: Ruler) -> None:
    signals = measure(example(TURKISH), ruler)
    assert signals.flags == ()
    assert (signals.languages, signals.words) == (("tr", "tr"), len(TURKISH.split()))


def test_a_language_that_was_not_asked_for(ruler: Ruler) -> None:
    assert names(example(ENGLISH), ruler) == {"language"}
    assert names(example(ENGLISH, slot="tr-en"), ruler) == set()
    assert names(example(ENGLISH, recipe=None, slot=None), ruler) == set()


def test_the_other_language_leaks_but_the_recipe_and_the_phrases_may(ruler: Ruler) -> None:
    mixed = f"{TURKISH} {ENGLISH}"
    assert names(example(mixed), ruler) == {"leak"}
    assert names(example(mixed, slot="mixed"), ruler) == set()
    phrased = example(f"Hadi bakalım! Süper! {ENGLISH} Eline sağlık!", slot="tr-en")
    assert names(phrased, ruler) == set()


def test_length_by_the_recipe(ruler: Ruler) -> None:
    assert "length" in names(example(" ".join([TURKISH] * 40)), ruler)
    assert "length" in names(example("Evet."), ruler)


def test_what_is_usual_where_the_recipe_says_nothing(ruler: Ruler) -> None:
    many = [example(f"Hadi bak bakalım {n} " + "kelime " * 30, recipe="own", slot=None) for n in range(30)]
    own = ruler_of(load_persona(default_content() / "persona.toml"), (), None, many)
    assert "monotony" in names(many[0], own)
    assert "length" in names(example("kelime " * 300, recipe="own", slot=None), own)


def test_thresholds_are_the_settings(ruler: Ruler) -> None:
    persona, recipes = load_persona(default_content() / "persona.toml"), ruler.recipes.values()
    loose = ruler_of(persona, recipes, SignalSettings(length_factor=1_000.0, repeated_share=1.0))
    assert "length" not in names(example(" ".join([TURKISH] * 40)), loose)


def test_glossary_contradicted(ruler: Ruler) -> None:
    wrong = (
        "The owl pattern is a popular sandwich recipe with cheese, tomatoes and plenty of butter on toast."
    )
    right = "The owl pattern is a way to scan the whole forest quietly before diving at the faintest signal."
    assert "glossary" in names(example(wrong, slot="tr-en"), ruler)
    assert "glossary" not in names(example(right, slot="tr-en"), ruler)


def test_flags_of_others_and_what_a_person_allowed_stay(ruler: Ruler) -> None:
    marked = example(TURKISH, signals=Signals(flags=("odd", "leak: old"), near_duplicate_allowed=True))
    signals = measure(marked, ruler)
    assert signals.flags == ("odd",)
    assert signals.near_duplicate_allowed


def test_an_edit_is_compared_with_the_one_it_was_near_to(ruler: Ruler) -> None:
    other = example(TURKISH, id="o")
    assert measure_again(example(TURKISH), other, ruler).near_duplicate_of == "o"
    changed = measure_again(example("Bambaşka bir cümle yazdım buraya, hiç benzemesin diye."), other, ruler)
    assert (changed.near_duplicate_of, changed.near_duplicate_similarity) == (None, None)


@pytest.mark.slow
def test_hand_written_examples_are_hardly_flagged(ruler: Ruler) -> None:
    """False alarms on what was written with care: less than one in a hundred."""
    recipes = ruler.recipes
    flagged, total = [], 0
    for file in sorted(Path(default_content() / "starter").glob("*.jsonl")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            turns = tuple(Message(**message) for message in row["messages"])
            made = Example(
                messages=turns,
                category=recipes[row["recipe"]].category,
                recipe=row["recipe"],
                slot=row["slot"],
            )
            total += 1
            flagged += measure(made, ruler).flags
    assert total > 400
    assert len(flagged) < total / 100, flagged
