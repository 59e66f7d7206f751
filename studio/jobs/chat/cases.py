"""A case for the suites out of a bad reply: what was asked, with the traits that its dimension looks at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from store.models import Message
from studio.config.suites import Suite, load_suite, load_suites
from studio.jobs.process.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from studio.config.fields import LanguageMix

FROM_CHATS = "from-chats"
"""The suite that holds them: the suites of the plan stay as they were frozen."""
_TRAITS = 3
_BY_KEYWORDS = frozenset({"answers-topic", "remembers"})
"""Traits that want keywords, which a case out of a chat has not."""


def add_case(suites: Path, dimension: str, messages: Sequence[Message]) -> str:
    """Add what was asked to the suite `from-chats` and return the case's id; asked twice, it is one case.

    Its traits are those that `dimension` looks at most in that language.

    Raises:
        ConfigError: the suite is damaged.
        ValueError: there is no such dimension, or nobody asks at the end.
        OSError: the folder cannot be written.
    """
    import tomlkit

    if not messages or messages[-1].role != "user":
        raise ValueError("a case ends with what the user says")
    model = next((suite for suite in load_suites(suites).items if suite.name == dimension), None)
    if model is None:
        raise ValueError(f"there is no suite {dimension}")
    language = _language(messages[-1].content)
    file = suites / f"{FROM_CHATS}.toml"
    asked = [{"role": message.role, "content": message.content} for message in messages]
    document = tomlkit.parse(file.read_text(encoding="utf-8")) if file.exists() else _new(model.target)
    if file.exists():
        for case in load_suite(file).cases:
            if [turn.model_dump() for turn in case.turns] == asked:
                return case.id
    cases: Any = document.setdefault("cases", tomlkit.aot())
    case_id = f"c-{len(cases) + 1:03}"
    table = tomlkit.table()
    table["id"] = case_id
    if len(asked) == 1:
        table["prompt"] = asked[0]["content"]
    else:
        table["messages"] = asked
    table["language"] = language
    table["traits"] = _traits(model, language)
    cases.append(table)
    write_atomically(file, tomlkit.dumps(document).encode())
    load_suite(file)
    return case_id


def dimensions(suites: Path) -> list[Suite]:
    """Return the suites that a case may take its traits from."""
    return [suite for suite in load_suites(suites).items if suite.name != FROM_CHATS]


def _new(target: float) -> Any:
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment("Cases out of chats: replies that were marked as bad."))
    document["name"] = FROM_CHATS
    document["title"] = "From chats"
    document["target"] = target
    return document


def _traits(suite: Suite, language: LanguageMix) -> list[str]:
    alike = [case for case in suite.cases if case.language == language] or list(suite.cases)
    counted = Counter(trait for case in alike for trait in case.traits if trait not in _BY_KEYWORDS)
    return [trait for trait, _ in counted.most_common(_TRAITS)] or list(alike[0].traits)


def _language(text: str) -> LanguageMix:
    from studio.jobs.signals.language import language_of

    found = language_of(text)
    return found if found in ("tr", "en", "mixed") else "en"
