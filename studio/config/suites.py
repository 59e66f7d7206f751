"""`suites/*.toml`: the cases of one dimension and the score wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from store.models import Role
from studio.config.fields import LanguageMix, Name, Share, Text, first_repeated, mistake
from studio.config.folder import Loaded, checked_name, load_folder
from studio.config.toml import Table, load_toml


class CaseMessage(Table):
    """One turn of a case."""

    role: Role
    content: Text


class Case(Table):
    """One thing to ask and the traits that the reply is scored on."""

    id: Name
    prompt: Text | None = None
    """A single question; otherwise `messages`."""
    messages: tuple[CaseMessage, ...] = ()
    """Several turns, the user's last."""
    language: LanguageMix
    traits: Annotated[tuple[Name, ...], Field(min_length=1)]
    keywords: tuple[Text, ...] = ()
    """Words that an answer on the topic has."""

    @model_validator(mode="after")
    def _asks_once(self) -> Self:
        if (self.prompt is None) == (not self.messages):
            raise mistake("both" if self.messages else "neither", "either `prompt` or `messages`")
        if self.messages and self.messages[-1].role != "user":
            raise mistake(f"a last message of the {self.messages[-1].role}", "a last message of the user")
        return self

    @property
    def turns(self) -> tuple[CaseMessage, ...]:
        """The messages to answer, the user's last."""
        return self.messages or (CaseMessage(role="user", content=self.prompt or ""),)


class Suite(Table):
    """The cases of one dimension."""

    name: Name
    title: Text
    target: Share
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        if repeated := first_repeated([case.id for case in self.cases]):
            raise mistake(f"case `{repeated}` twice", "each case once")
        return self


def load_suite(file: Path) -> Suite:
    """Read one suite.

    Raises:
        ConfigError: the file cannot be used, or its name is not the suite's.
    """
    return checked_name(file, load_toml(file, Suite))


def load_suites(folder: Path) -> Loaded[Suite]:
    """Read all suites of a folder; a bad file is among the problems and keeps no other one back."""
    return load_folder(folder, load_suite)
