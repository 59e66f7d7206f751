"""The content that is delivered is enough, right by its own recipes, and keeps suites and training data apart."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

from store.models import Message
from studio.config.persona import load_persona
from studio.config.recipes import load_recipes
from studio.config.starter import StarterExample, load_starter
from studio.config.suites import load_suites
from studio.jobs.collect.cut import cut
from studio.jobs.generate.check import faults
from studio.jobs.signals.duplicates import DuplicateIndex
from studio.jobs.signals.language import language_of
from studio.jobs.validate.traits import TRAITS
from studio.workspace import default_content

CONTENT = default_content()
RECIPES = {recipe.name: recipe for recipe in load_recipes(CONTENT / "recipes").items}
SUITES = load_suites(CONTENT / "suites").items
DIMENSIONS = {"personality", "technical", "bilingual", "consciousness", "conversation", "adaptation"}
GRAM_WORDS = 8


@cache
def starter() -> tuple[StarterExample, ...]:
    loaded = load_starter(CONTENT / "starter", RECIPES.values())
    assert loaded.problems == ()
    return loaded.items


@cache
def phrases() -> tuple[str, ...]:
    persona = load_persona(CONTENT / "persona.toml")
    return tuple(phrase for trait in persona.traits for phrase in trait.phrases)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def grams(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[start : start + GRAM_WORDS]) for start in range(len(found) - GRAM_WORDS + 1)}


def test_there_are_enough_starter_examples_for_every_recipe_and_slot() -> None:
    assert len(starter()) >= 400
    have = Counter((row.recipe, row.slot) for row in starter())
    wanted = {(recipe.name, slot.id) for recipe in RECIPES.values() for slot in recipe.slots}
    assert set(have) == wanted
    assert min(have.values()) >= 3, have.most_common()[-3:]


def test_every_starter_example_is_what_its_recipe_asks_for() -> None:
    wrong = {}
    for row in starter():
        recipe = RECIPES[row.recipe]
        messages = [Message(role=turn.role, content=turn.content) for turn in row.messages]
        if found := faults(messages, recipe, recipe.slot(row.slot), phrases()):
            wrong[row.id] = found
    assert wrong == {}


def test_replies_have_about_the_length_that_their_recipe_names() -> None:
    wrong = {}
    for row in starter():
        fewest, most = RECIPES[row.recipe].expect.words or (0, 10_000)
        for turn in row.messages:
            count = len(turn.content.split())
            if turn.role == "assistant" and not fewest <= count <= most:
                wrong[row.id] = count
    assert wrong == {}


def test_the_starter_is_bilingual() -> None:
    languages = Counter(
        language_of(turn.content, phrases=phrases())
        for row in starter()
        for turn in row.messages
        if turn.role == "assistant"
    )
    total = sum(languages.values())
    assert languages["tr"] / total >= 0.3, languages
    assert languages["en"] / total >= 0.3, languages
    assert languages["mixed"] / total >= 0.04, languages
    assert languages["unknown"] + languages["code"] == 0, languages


def test_no_two_examples_begin_with_the_same_prompt() -> None:
    first = Counter(" ".join(words(row.messages[0].content)) for row in starter())
    assert [prompt for prompt, count in first.items() if count > 1] == []


def test_no_two_examples_are_near_duplicates() -> None:
    index = DuplicateIndex()
    found = {row.id: index.add(row.id, "\n".join(turn.content for turn in row.messages)) for row in starter()}
    assert {key: neighbours for key, neighbours in found.items() if neighbours} == {}


def test_no_suite_case_shares_eight_words_in_a_row_with_what_is_trained_on() -> None:
    trained: dict[tuple[str, ...], str] = {}
    for row in starter():
        for turn in row.messages:
            trained.update(dict.fromkeys(grams(turn.content), row.id))
    # The demo's own conversations become examples, too.
    for file in sorted((CONTENT / "demo" / "sources").rglob("*.*")):
        made = cut(file.name, file.read_text(encoding="utf-8"))
        assert (made.held, made.skipped) == ([], [])
        for piece in made.pieces:
            for message in piece.messages:
                trained.update(dict.fromkeys(grams(message.content), file.name))
    shared = {
        (suite.name, case.id): trained[gram]
        for suite in SUITES
        for case in suite.cases
        for turn in case.turns
        for gram in grams(turn.content)
        if gram in trained
    }
    assert shared == {}


def test_no_suite_case_is_asked_in_the_starter_word_for_word() -> None:
    asked = {
        " ".join(words(turn.content)): row.id
        for row in starter()
        for turn in row.messages
        if turn.role == "user"
    }
    same = {
        case.id: asked[text]
        for suite in SUITES
        for case in suite.cases
        if (text := " ".join(words(case.turns[-1].content))) in asked
    }
    assert same == {}


def test_suites_cover_the_dimensions_in_both_languages_with_traits_that_exist() -> None:
    assert {suite.name for suite in SUITES} >= DIMENSIONS
    for suite in SUITES:
        assert {case.language for case in suite.cases} >= {"tr", "en"}, suite.name
        assert len(suite.cases) >= 8, suite.name
        for case in suite.cases:
            assert set(case.traits) <= TRAITS.keys(), case.id
            if {"remembers", "answers-topic"} & set(case.traits):
                assert case.keywords, case.id
