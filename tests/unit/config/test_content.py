"""The content that comes with the studio can be read, and its parts fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.config.persona import load_persona
from studio.config.recipes import load_recipes
from studio.config.sources import load_sources
from studio.config.starter import load_starter
from studio.config.suites import load_suites
from studio.workspace import default_content

CONTENT = default_content()
DIMENSIONS = {"personality", "technical", "bilingual", "consciousness", "conversation", "adaptation"}


def test_the_persona_is_jessy_with_the_numbers_of_the_plan() -> None:
    persona = load_persona(CONTENT / "persona.toml")
    assert persona.name == "JESSY"
    assert set(persona.languages) == {"tr", "en"}
    assert persona.total_target == 20_800
    assert [phase.gate for phase in persona.phases] == [None, 0.75, 0.85, 0.80, 0.90, 0.95]
    assert set(persona.scores) == DIMENSIONS


def test_every_recipe_can_be_read_and_fills_a_category_of_the_persona() -> None:
    persona = load_persona(CONTENT / "persona.toml")
    recipes = load_recipes(CONTENT / "recipes")
    assert recipes.problems == ()
    assert len(recipes.items) == 13
    by_category: dict[str, int] = {}
    for recipe in recipes.items:
        by_category[recipe.category] = by_category.get(recipe.category, 0) + recipe.target
    assert by_category == persona.targets


def test_every_suite_can_be_read_and_has_the_target_of_the_persona() -> None:
    persona = load_persona(CONTENT / "persona.toml")
    suites = load_suites(CONTENT / "suites")
    assert suites.problems == ()
    targets = {suite.name: suite.target for suite in suites.items}
    assert {name: targets[name] for name in DIMENSIONS} == persona.scores


def test_every_starter_line_can_be_read_and_names_a_slot() -> None:
    starter = load_starter(CONTENT / "starter", load_recipes(CONTENT / "recipes").items)
    assert starter.problems == ()


def test_the_sources_can_be_read() -> None:
    sources = load_sources(CONTENT / "sources.toml").source
    assert {source.category for source in sources} >= {"consciousness", "personality", "technical", "turkish"}


@pytest.mark.parametrize("folder", ["recipes", "suites", "starter"])
def test_a_missing_folder_is_an_empty_one(tmp_path: Path, folder: str) -> None:
    load = {"recipes": load_recipes, "suites": load_suites, "starter": load_starter}[folder]
    loaded = load(tmp_path / folder)
    assert loaded.items == ()
    assert loaded.problems == ()
