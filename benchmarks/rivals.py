"""What the store is measured with: examples of the plan's size, and other ways to make a decision durable."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from store.files import Files
from store.models import Decision, Example, Message, Provenance, Signals, Status

CATEGORIES = ("consciousness", "technical", "personality", "turkish", "conversations", "advanced")
STATUSES = tuple(Status)
WORDS = (
    *(
        "frequency",
        "resonance",
        "layer",
        "pattern",
        "iteration",
        "owl",
        "crystallization",
        "memory",
        "bridge",
    ),
    *("signal", "colour", "sound", "texture", "function", "compiler", "borrow", "lifetime"),
    *("boyut", "gezinme", "arkadaşım", "hadi", "kalıp", "örüntü", "harika", "düşünelim", "süper"),
)


def make_examples(count: int, seed: int = 7) -> Iterator[Example]:
    """Yield examples of about 1.45 kB each as JSON (17,000 are 25 MB), the same at every run."""
    rng = random.Random(seed)
    for number in range(count):
        question = " ".join(rng.choices(WORDS, k=18))
        answer = " ".join(rng.choices(WORDS, k=56))
        yield Example(
            id=f"{number:08x}{rng.getrandbits(96):024x}",
            messages=(Message(role="user", content=question), Message(role="assistant", content=answer)),
            category=rng.choice(CATEGORIES),
            recipe="consciousness-qa",
            slot=f"topic-{number % 8}",
            status=rng.choice(STATUSES),
            provenance=Provenance(teacher="offline", unit_id=f"u{number}", job_id="j1", output_tokens=180),
            signals=Signals(languages=("mixed", "mixed"), words=103),
            split="train" if number % 10 else "valid",
        )


def decided(example: Example, status: Status) -> Example:
    """Return an example as a decision leaves it; only the last decision is kept, so that sizes stay comparable."""
    decision = Decision(who="person", action="accept", before=example.status, after=status)
    return example.model_copy(update={"status": status, "decisions": (decision,)})


class Sqlite:
    """The documents in SQLite, one transaction a decision."""

    def __init__(self, path: Path, mode: str, examples: Iterator[Example]) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute(f"PRAGMA journal_mode={mode}")
        self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.execute("CREATE TABLE examples (id TEXT PRIMARY KEY, status TEXT, json TEXT)")
        self.connection.execute("BEGIN")
        self.connection.executemany(
            "INSERT INTO examples VALUES (?, ?, ?)",
            ((example.id, example.status, example.model_dump_json()) for example in examples),
        )
        self.connection.execute("COMMIT")

    def decide(self, example: Example) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute(
            "UPDATE examples SET status = ?, json = ? WHERE id = ?",
            (example.status, example.model_dump_json(), example.id),
        )
        self.connection.execute("COMMIT")


class RawAppend:
    """The least that durability costs: the same bytes at the end of a file, and fsync."""

    def __init__(self, path: Path) -> None:
        self.handle = Files().create(path)

    def decide(self, example: Example) -> None:
        self.handle.append(example.__pydantic_serializer__.to_json(example))
        self.handle.sync()
