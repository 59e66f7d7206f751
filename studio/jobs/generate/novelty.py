"""What is new about an example: the near-duplicates among all examples of the workspace, and the recipe's monotony."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from store.models import Example, Message
from studio.jobs.generate.monotony import Alike, Monotony
from studio.jobs.process.files import write_atomically
from studio.jobs.signals.duplicates import DuplicateIndex, Neighbour

KNOWN_FILE = "known.jsonl"


class Known(NamedTuple):
    """An example of the workspace as far as newness goes."""

    id: str
    recipe: str
    contents: tuple[str, ...]
    """Of its messages; the replies are every second one."""


def known_of(example: Example) -> Known:
    """Return what is compared of an example."""
    turns = tuple(message.content for message in example.messages if message.role != "system")
    return Known(example.id, example.recipe or "", turns)


def save_known(folder: Path, examples: Iterable[Known]) -> None:
    """Write what a job compares with into its folder, readable by its owner only."""
    lines = [json.dumps(known) + "\n" for known in examples]
    write_atomically(folder / KNOWN_FILE, "".join(lines).encode())


def load_known(folder: Path) -> Iterator[Known]:
    """Yield what `save_known` wrote; nothing for a job that was ordered before there was such a file."""
    file = folder / KNOWN_FILE
    if not file.exists():
        return
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            key, recipe, contents = json.loads(line)
            yield Known(key, recipe, tuple(contents))


class Novelty:
    """Grows with each example; costs less than a millisecond for each (`benchmarks/generate.py`)."""

    def __init__(self, near_duplicate: float, monotony: float) -> None:
        """Thresholds: the estimated Jaccard similarity of near-duplicates, and the share of like openings."""
        self._index = DuplicateIndex(near_duplicate)
        self._monotony = Monotony(monotony)
        self._seen: set[str] = set()

    def add_known(self, known: Known) -> None:
        """Take in an example that is there already."""
        self._add(known.id, known.recipe, known.contents)

    def add(self, example_id: str, recipe: str, messages: Sequence[Message]) -> Neighbour | None:
        """Take in a new example and return the nearest earlier one where it is a near-duplicate."""
        return self._add(example_id, recipe, tuple(message.content for message in messages))

    def monotonous(self, recipe: str) -> Alike | None:
        """Return what too many of a recipe's replies have in common, or None."""
        return self._monotony.worst(recipe)

    def _add(self, key: str, recipe: str, contents: tuple[str, ...]) -> Neighbour | None:
        if key in self._seen:
            return None
        self._seen.add(key)
        for reply in contents[1::2]:
            self._monotony.add(recipe, reply)
        return next(iter(self._index.add(key, "\n".join(contents))), None)
