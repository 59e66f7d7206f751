"""What examples are measured with: the persona, the recipes, the thresholds, and what is usual in each recipe."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from store.models import Example, Status
from studio.config.errors import ConfigError
from studio.config.persona import Persona, load_persona
from studio.config.recipes import Recipe, load_recipes
from studio.config.settings import Settings, SignalSettings, load_settings
from studio.jobs.signals.words import opening
from studio.workspace import Workspace

_ENOUGH = 20
"""Replies of a recipe from which on one can say what is usual in it."""
_WORD = re.compile(r"[^\W\d_]{5,}")
_STEM = 5
"""Letters by which two forms of a word are taken for the same one."""


@dataclass(frozen=True)
class Usual:
    """What the replies of one recipe are like."""

    median_words: float | None = None
    """None where there are too few to say."""
    openings: dict[str, float] = field(default_factory=dict)
    """The share of replies, 0..1, that begin with the same three words; only frequent ones."""


@dataclass(frozen=True)
class Ruler:
    """Everything that the measured values of an example depend on but itself."""

    persona_name: str
    phrases: tuple[str, ...]
    glossary: dict[str, frozenset[str]]
    """Stems of each term's meaning, by the term in lower case."""
    recipes: dict[str, Recipe]
    thresholds: SignalSettings = field(default_factory=SignalSettings)
    usual: dict[str, Usual] = field(default_factory=dict)
    """By recipe; empty leaves length outliers without bounds and openings alone."""


def read_ruler(workspace: Workspace, examples: Iterable[Example] = ()) -> Ruler:
    """Read the workspace's files. What is usual is taken from `examples`. A damaged recipe or setting is passed over.

    Raises:
        ConfigError: `persona.toml` is damaged.
    """
    try:
        settings = load_settings()
    except ConfigError:
        settings = Settings()
    persona = load_persona(workspace.persona_file)
    return ruler_of(persona, load_recipes(workspace.recipes).items, settings.signals, examples)


def ruler_of(
    persona: Persona,
    recipes: Iterable[Recipe],
    thresholds: SignalSettings | None = None,
    examples: Iterable[Example] = (),
) -> Ruler:
    """Return the ruler of a persona and its recipes."""
    return Ruler(
        persona_name=persona.name,
        phrases=persona.phrases,
        glossary={entry.term.casefold(): stems(entry.meaning) for entry in persona.glossary},
        recipes={recipe.name: recipe for recipe in recipes},
        thresholds=thresholds or SignalSettings(),
        usual=usual_of(examples),
    )


def usual_of(examples: Iterable[Example]) -> dict[str, Usual]:
    """Return what is usual by recipe; rejected examples do not count."""
    lengths: defaultdict[str, list[int]] = defaultdict(list)
    openings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        if example.recipe is None or example.status == Status.REJECTED:
            continue
        for message in example.messages:
            if message.role == "assistant":
                lengths[example.recipe].append(len(message.content.split()))
                openings[example.recipe][opening(message.content)] += 1
    return {
        recipe: Usual(
            median_words=median(found) if len(found) >= _ENOUGH else None,
            openings={
                words: number / len(found)
                for words, number in openings[recipe].items()
                if words and number > 1 and len(found) >= _ENOUGH
            },
        )
        for recipe, found in lengths.items()
    }


def stems(text: str) -> frozenset[str]:
    """Return the beginnings of a text's longer words, by which forms of one word are the same."""
    return frozenset(word.casefold()[:_STEM] for word in _WORD.findall(text))
