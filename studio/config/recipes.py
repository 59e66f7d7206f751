"""`recipes/*.toml`: what is generated, how it is asked for and what it draws on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from studio.config.fields import Count, LanguageMix, Name, Text, first_repeated, mistake
from studio.config.folder import Loaded, checked_name, load_folder
from studio.config.toml import Table, load_toml, read_text, rewrite

PLACEHOLDERS = ("count", "glossary", "languages", "slot", "source")
"""What a prompt may ask for, in braces."""

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def _placeholders_are_known(text: str) -> str:
    for name in _PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            raise mistake(f"{{{name}}}", f"placeholders out of {known}")
    return text


Template = Annotated[Text, AfterValidator(_placeholders_are_known)]


class Slot(Table):
    """A topic, scenario, problem or language pair that examples are spread over."""

    id: Name
    title: Text
    mood: Text | None = None
    style: Text | None = None
    turns: Annotated[int, Field(ge=1, le=50)] | None = None
    """Exchanges: one is a message of the user and the reply; None leaves it to the recipe."""
    languages: tuple[LanguageMix, ...] | None = None
    """Of the replies; narrower than the recipe's where given."""
    asks: tuple[LanguageMix, ...] | None = None
    """Of the user's turns; None leaves them free."""


class Prompt(Table):
    """The words of a request, with placeholders."""

    system: Template
    user: Template


class Part(Table):
    """Something that the replies of an example must have somewhere."""

    name: Text
    """What it is called where it is missing: `a picture`, `the reason why`."""
    words: Annotated[tuple[Text, ...], Field(min_length=1)]
    """One of them is enough. Words are compared without regard to case, by their beginning: `color` finds `colors`."""
    languages: tuple[LanguageMix, ...] | None = None
    """Asked only of units in these languages; None asks it of all."""


class Expect(Table):
    """What a good result is. What a program can check breaks an example; `good` is for people and judges."""

    words: tuple[Count, Count] | None = None
    """Fewest and most words of a reply."""
    passes: Annotated[tuple[Annotated[int, Field(ge=1, le=20)], ...], Field(min_length=1)] | None = None
    """Numbered passes of a reply, by group: `[3, 3, 3]` is 1 to 9 in three groups with a line of their own between."""
    parts: tuple[Part, ...] = ()
    """What the replies of an example must have, all of it."""
    good: tuple[Text, ...] = ()
    """Sentences that are true of a good result."""


class Teaching(Table):
    """How the teacher is asked. A model that refuses sampling parameters is asked without them."""

    model: Text | None = None
    """Of Anthropic; None, or a model that the order names, takes the order's."""
    max_tokens: Annotated[int, Field(ge=256, le=64_000)] | None = None
    """Output tokens of one request at most, thinking included; None takes the order's."""
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    """None leaves it to the model."""


class Recipe(Table):
    """One kind of example."""

    name: Name
    title: Text
    category: Name
    phase: Annotated[int, Field(ge=1, le=6)]
    target: Count
    collected_count: bool = False
    """True: the category's collected conversations count towards the target, and so many fewer are generated …"""
    at_least: Count = 0
    """… but never fewer than this."""
    shape: Literal["single", "conversation"]
    turns: tuple[Annotated[int, Field(ge=2)], Annotated[int, Field(ge=2)]] = (2, 2)
    """Fewest and most messages of an example."""
    languages: Annotated[tuple[LanguageMix, ...], Field(min_length=1)]
    slots: Annotated[tuple[Slot, ...], Field(min_length=1)]
    sources: tuple[Name, ...] = ()
    """Categories of collected documents that it draws on."""
    examples_per_request: Annotated[int, Field(ge=1, le=100)] = 1
    prompt: Prompt
    expect: Expect = Expect()
    teacher: Teaching = Teaching()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if repeated := first_repeated([slot.id for slot in self.slots]):
            raise mistake(f"slot `{repeated}` twice", "each slot once")
        if self.at_least > self.target:
            raise mistake(f"{self.at_least} in `at_least`", f"at most the target, {self.target}")
        for what, ends in (("turns", self.turns), ("expect.words", self.expect.words)):
            if ends and ends[0] > ends[1]:
                raise mistake(f"{list(ends)} in `{what}`", "the fewest before the most")
        for slot in self.slots:
            if missing := set(slot.languages or ()) - set(self.languages):
                found = f"{', '.join(sorted(missing))} in slot `{slot.id}`"
                raise mistake(found, f"languages out of the recipe's: {', '.join(self.languages)}")
        return self

    def wanted(self, collected: int) -> int:
        """Return how many examples are generated in all where so many of its category were collected."""
        return max(self.at_least, self.target - collected) if self.collected_count else self.target

    def slot(self, slot_id: str) -> Slot | None:
        """Return the slot of that id, or None."""
        return next((slot for slot in self.slots if slot.id == slot_id), None)


def load_recipe(file: Path) -> Recipe:
    """Read one recipe.

    Raises:
        ConfigError: the file cannot be used, or its name is not the recipe's.
    """
    return checked_name(file, load_toml(file, Recipe))


def load_recipes(folder: Path) -> Loaded[Recipe]:
    """Read all recipes of a folder; a bad file is among the problems and keeps no other one back."""
    return load_folder(folder, load_recipe)


def with_prompt(recipe: Recipe, system: str, user: str) -> Recipe:
    """Return the recipe with other words.

    Raises:
        ValueError: they are empty or ask for a placeholder that there is not; the message says which.
    """
    try:
        prompt = Prompt(system=system, user=user)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        context = first.get("ctx", {})
        wrong = f"{context['found']}, expected {context['expected']}" if "found" in context else first["msg"]
        raise ValueError(f"the {first['loc'][0]} prompt: {wrong}") from error
    return recipe.model_copy(update={"prompt": prompt})


def write_prompt(file: Path, system: str, user: str) -> Recipe:
    """Put other words into a recipe's file and return the recipe; comments and all else stay. Replaced whole.

    Raises:
        ConfigError: the file cannot be used, as it is or with these words; it is left as it is.
        OSError: it cannot be written.
    """
    import tomlkit

    document = tomlkit.parse(read_text(file))
    prompt = document["prompt"]
    for name, text in (("system", system), ("user", user)):
        prompt[name] = tomlkit.string(text, multiline="\n" in text)
    return rewrite(file, tomlkit.dumps(document), Recipe)


def fill(template: str, values: dict[str, str]) -> str:
    """Return a prompt with its placeholders replaced; other braces, such as JSON's, stay as they are."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)
