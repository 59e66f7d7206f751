"""The labelled turns of tests/fixtures/turns.jsonl: what is got wrong is what docs/languages.md says, and little."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from studio.jobs.signals.language import language_of

ROOT = Path(__file__).parents[4]


class Labelled(NamedTuple):
    """A turn with what a person says of it."""

    text: str
    language: str
    kind: str


TURNS = [
    Labelled(**json.loads(line))
    for line in (ROOT / "tests" / "fixtures" / "turns.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.fixture(scope="module")
def wrong() -> list[Labelled]:
    return [turn for turn in TURNS if language_of(turn.text) != turn.language]


def test_there_are_enough_turns_of_every_kind() -> None:
    assert len({turn.text for turn in TURNS}) == len(TURNS) >= 300
    numbers = Counter(turn.kind for turn in TURNS)
    assert min(numbers[kind] for kind in ("short", "sentence", "switched", "borrowed", "with code")) >= 30
    assert Counter(turn.language for turn in TURNS).keys() == {"tr", "en", "mixed", "code", "unknown"}


def test_few_are_wrong(wrong: list[Labelled]) -> None:
    assert len(wrong) / len(TURNS) <= 0.03, wrong
    for kind, most in (("short", 0.03), ("switched", 0.05), ("code only", 0.0), ("nothing said", 0.0)):
        of_kind = [turn for turn in TURNS if turn.kind == kind]
        assert sum(turn.kind == kind for turn in wrong) / len(of_kind) <= most, wrong


def test_the_document_says_what_is_measured(wrong: list[Labelled]) -> None:
    text = (ROOT / "docs" / "languages.md").read_text(encoding="utf-8")
    numbers, found = Counter(turn.kind for turn in TURNS), Counter(turn.kind for turn in wrong)
    for kind, number in numbers.items():
        said = re.search(rf"^\| {kind} \({number}\) \| (\d+) ", text, re.MULTILINE)
        assert said is not None, kind
        assert int(said[1]) == found[kind], kind
    assert f"| **all ({len(TURNS)})** | **{len(wrong)}** " in text
