"""`starter/*.jsonl`: hand-written examples, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from store.models import Role
from studio.config.errors import ConfigError, Problem
from studio.config.fields import Name, Text
from studio.config.folder import Loaded
from studio.config.recipes import Recipe
from studio.config.toml import Table, read_text, shown, validate


class StarterMessage(Table):
    """One turn of a hand-written example."""

    role: Role
    content: Text


class StarterExample(Table):
    """A hand-written example of a recipe."""

    id: Name
    recipe: Name
    slot: Name
    messages: Annotated[tuple[StarterMessage, ...], Field(min_length=2)]


def load_starter(folder: Path, recipes: Iterable[Recipe] = ()) -> Loaded[StarterExample]:
    """Read all starter examples of a folder in the order of files and lines.

    A line that cannot be used is among the problems, with file and line; the others are kept.

    Args:
        folder: a missing one is an empty one.
        recipes: where given, an example has to name one of them and one of its slots.
    """
    slots = {recipe.name: {slot.id for slot in recipe.slots} for recipe in recipes}
    items: list[StarterExample] = []
    problems: list[Problem] = []
    places: dict[str, str] = {}
    for file in sorted(folder.glob("*.jsonl")):
        try:
            lines = read_text(file).split("\n")
        except ConfigError as error:
            problems.extend(error.problems)
            continue
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                example = _example(file, number, line)
                _belongs(file, number, example, slots, places)
            except ConfigError as error:
                problems.extend(error.problems)
            else:
                places[example.id] = f"{file.name}:{number}"
                items.append(example)
    return Loaded(tuple(items), tuple(problems))


def _example(file: Path, number: int, line: str) -> StarterExample:
    try:
        values: Any = json.loads(line)
    except json.JSONDecodeError as error:
        found = f"{error.msg} at column {error.colno}"
        raise ConfigError(Problem(file, "", found, "one JSON object a line", number)) from None
    except RecursionError:
        raise ConfigError(
            Problem(file, "", "JSON nested too deep", "one JSON object a line", number)
        ) from None
    if not isinstance(values, dict):
        raise ConfigError(Problem(file, "", shown(values), "a JSON object", number))
    try:
        return validate(file, "", values, StarterExample)
    except ConfigError as error:
        located = (Problem(p.file, p.key, p.found, p.expected, number) for p in error.problems)
        raise ConfigError(*located) from None


def _belongs(
    file: Path, number: int, example: StarterExample, slots: dict[str, set[str]], places: dict[str, str]
) -> None:
    """Raise ConfigError where the id is taken, or the recipe or the slot is unknown."""
    if place := places.get(example.id):
        found = f'"{example.id}", which stands at {place} too'
        raise ConfigError(Problem(file, "id", found, "an id of its own", number))
    if not slots:
        return
    if example.recipe not in slots:
        known = f"one of {', '.join(sorted(slots))}"
        raise ConfigError(Problem(file, "recipe", f'"{example.recipe}"', known, number))
    if example.slot not in slots[example.recipe]:
        known = f"one of {', '.join(sorted(slots[example.recipe]))}"
        raise ConfigError(Problem(file, "slot", f'"{example.slot}"', known, number))
