"""`persona.toml`: who the model shall become."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from studio.config.fields import Count, Language, Name, Share, Text, first_repeated, mistake
from studio.config.toml import Table, load_toml


class Sampling(Table):
    """How replies are drawn; the defaults are those of the plan."""

    temperature: Annotated[float, Field(ge=0, le=2)] = 0.8
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.9
    top_k: Count = 40
    """0 means no limit."""
    repeat_penalty: Annotated[float, Field(gt=0, le=3)] = 1.1


class Trait(Table):
    """A side of the persona and what it looks like in a reply."""

    name: Name
    markers: tuple[Text, ...] = ()
    """Words and signs that show it."""
    phrases: tuple[Text, ...] = ()
    """What the persona likes to say; these are never a leak of the other language."""


class GlossaryEntry(Table):
    """One concept of the persona, so that all examples tell the same story about it."""

    term: Text
    meaning: Text


class Metaphor(Table):
    """A picture of one concept, which an explanation may end with."""

    concept: Text
    """A term of the glossary."""
    language: Language
    text: Text


class Enhancer(Table):
    """How the personality enhancer puts traits into examples that lack them."""

    emoji_trait: Name = "warmth"
    """The trait whose markers that are signs celebrate."""
    phrase_trait: Name = "bilingual_flow"
    """The trait whose phrases are put in front of a reply, or behind it."""
    phrase_share: Share = 0.3
    """Of the replies, those that get a phrase."""
    praise: tuple[Text, ...] = ()
    """Phrases only for a success."""
    closing: tuple[Text, ...] = ()
    """Phrases that stand at the end."""
    success: tuple[Text, ...] = ()
    """Words, or beginnings of words, by which a person tells of a success."""
    trouble: tuple[Text, ...] = ()
    """Words by which a person tells of a trouble: nothing is celebrated then, and nobody cheered up."""
    explains: tuple[Text, ...] = ()
    """Words that ask for an explanation."""


class Phase(Table):
    """A phase of the plan; its gate opens the next one."""

    id: Annotated[int, Field(ge=1, le=6)]
    name: Text
    gate: Share | None = None
    """The score over its suites that opens the next phase; None for a phase without a gate."""
    suites: tuple[Name, ...] = ()


class Persona(Table):
    """Everything that makes one persona; another persona is another file."""

    name: Text
    languages: Annotated[tuple[Language, ...], Field(min_length=1)]
    system_prompt: Text
    sampling: Sampling = Sampling()
    traits: tuple[Trait, ...] = ()
    glossary: tuple[GlossaryEntry, ...] = ()
    metaphors: tuple[Metaphor, ...] = ()
    enhancer: Enhancer = Enhancer()
    phases: tuple[Phase, ...] = ()
    targets: dict[Name, Count] = Field(default_factory=dict)
    """Examples wanted, by category."""
    scores: dict[Name, Share] = Field(default_factory=dict)
    """Score wanted, by dimension."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for what, names in (
            ("trait", [trait.name for trait in self.traits]),
            ("glossary term", [entry.term for entry in self.glossary]),
            ("phase", [str(phase.id) for phase in self.phases]),
        ):
            if repeated := first_repeated(names):
                raise mistake(f"{what} `{repeated}` twice", f"each {what} once")
        return self

    @model_validator(mode="after")
    def _metaphors_are_of_the_glossary(self) -> Self:
        terms = {entry.term for entry in self.glossary}
        for metaphor in self.metaphors:
            if metaphor.concept not in terms:
                raise mistake(f"a metaphor for `{metaphor.concept}`", "a term of the glossary")
        return self

    @property
    def phrases(self) -> tuple[str, ...]:
        """What the persona likes to say, of all traits; these are never a leak of the other language."""
        return tuple(phrase for trait in self.traits for phrase in trait.phrases)

    @property
    def total_target(self) -> int:
        """Examples wanted in all categories together."""
        return sum(self.targets.values())


def load_persona(file: Path) -> Persona:
    """Read a `persona.toml`.

    Raises:
        ConfigError: the file cannot be used; every mistake is named.
    """
    return load_toml(file, Persona)
