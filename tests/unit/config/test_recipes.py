"""Recipes and suites: a bad file is told and keeps no other one back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from studio.config.recipes import fill, load_recipes
from studio.config.suites import load_suites
from studio.workspace import default_content

RECIPE = """
name = "greeting"
title = "Greetings"
category = "personality"
phase = 3
target = 10
shape = "single"
languages = ["tr", "en"]

[[slots]]
id = "morning"
title = "in the morning"

[prompt]
system = "Write."
user = "Write {count} about {slot} as {\\"json\\": true}."
"""

SUITE = """
name = "personality"
title = "Personality"
target = 0.9

[[cases]]
id = "p-001"
prompt = "Kimsin?"
language = "tr"
traits = ["warmth"]
"""


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    (tmp_path / "greeting.toml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "notes.md").write_text("not a recipe", encoding="utf-8")
    return tmp_path


def test_a_recipe_has_its_defaults(recipes: Path) -> None:
    (recipe,) = load_recipes(recipes).items
    assert recipe.turns == (2, 2)
    assert recipe.slot("morning") is recipe.slots[0]
    assert recipe.slot("evening") is None


def test_a_bad_recipe_keeps_no_other_back(recipes: Path) -> None:
    (recipes / "bad.toml").write_text(RECIPE.replace("phase = 3", "phase = 9"), encoding="utf-8")
    (recipes / "torn.toml").write_text(RECIPE[:40], encoding="utf-8")
    loaded = load_recipes(recipes)
    assert [recipe.name for recipe in loaded.items] == ["greeting"]
    assert {problem.file.name for problem in loaded.problems} == {"bad.toml", "torn.toml"}


@pytest.mark.parametrize(
    ("old", "new", "key", "found"),
    [
        ('name = "greeting"', 'name = "other"', "name", '"other"'),
        ('name = "greeting"', 'name = "../x"', "name", '"../x"'),
        ("{slot}", "{slots}", "prompt.user", "{slots}"),
        ('title = "in the morning"', 'title = "t"\nlanguages = ["mixed"]', "", "mixed in slot `morning`"),
        ("[prompt]", '[[slots]]\nid = "morning"\ntitle = "t"\n[prompt]', "", "slot `morning` twice"),
        ("[prompt]", "[expect]\nwords = [9, 3]\n[prompt]", "", "[9, 3] in `expect.words`"),
        ('shape = "single"', 'shape = "double"', "shape", '"double"'),
    ],
)
def test_what_does_not_fit_is_told(recipes: Path, old: str, new: str, key: str, found: str) -> None:
    assert old in RECIPE
    (recipes / "greeting.toml").write_text(RECIPE.replace(old, new), encoding="utf-8")
    (problem,) = load_recipes(recipes).problems
    assert (problem.key, problem.found) == (key, found)


def test_placeholders_are_filled_and_other_braces_stay() -> None:
    text = fill('Write {count} about {slot} as {"json": true}, {unknown}.', {"count": "3", "slot": "{count}"})
    assert text == 'Write 3 about {count} as {"json": true}, {unknown}.'


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('prompt = "Kimsin?"\n', "", "neither"),
        ('prompt = "Kimsin?"', 'prompt = "a"\nmessages = [{role = "user", content = "b"}]', "both"),
        (
            'prompt = "Kimsin?"',
            'messages = [{role = "assistant", content = "b"}]',
            "a last message of the assistant",
        ),
        ("traits = [", "traitz = [", "nothing"),
    ],
)
def test_a_case_that_cannot_be_asked_is_told(tmp_path: Path, old: str, new: str, found: str) -> None:
    (tmp_path / "personality.toml").write_text(SUITE.replace(old, new), encoding="utf-8")
    loaded = load_suites(tmp_path)
    assert loaded.items == ()
    assert loaded.problems[0].found == found


def test_a_case_is_a_conversation_whichever_way_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "personality.toml").write_text(SUITE, encoding="utf-8")
    (suite,) = load_suites(tmp_path).items
    (turn,) = suite.cases[0].turns
    assert (turn.role, turn.content) == ("user", "Kimsin?")


def test_a_suite_of_the_content_that_is_renamed_is_told(tmp_path: Path) -> None:
    shutil.copy(default_content() / "suites" / "technical.toml", tmp_path / "renamed.toml")
    (problem,) = load_suites(tmp_path).problems
    assert (problem.key, problem.expected) == ("name", '"renamed", the name of the file')
