"""The run's examples as tokens, made once and kept, so that a resumed run reads the very same ones."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from studio.jobs.events import JobError
from studio.jobs.process.files import write_atomically
from studio.jobs.train.dataset import FOLDER, Row, read_rows
from studio.jobs.train.masks import BadExampleError, Lesson, Masker
from studio.lm.template import TemplateError


@dataclass(frozen=True)
class Lessons:
    """One side of the split, as tokens."""

    lessons: tuple[Lesson, ...]
    left_out: dict[str, int]
    """Examples that cannot be learned from, counted by why."""

    @property
    def tokens(self) -> int:
        """All tokens, those without a loss included."""
        return sum(len(lesson) for lesson in self.lessons)

    @property
    def targets(self) -> int:
        """Tokens with a loss."""
        return sum(int(lesson.targets.sum()) for lesson in self.lessons)

    @property
    def truncated(self) -> int:
        """Lessons that were cut to the longest length allowed."""
        return sum(lesson.truncated for lesson in self.lessons)


def lessons_of(
    folder: Path, name: str, masker: Masker, key: str, *, leave_out_longer: bool = False
) -> Lessons:
    """Return the lessons of the run's `train` or `valid`, from the kept file when its `key` is the same.

    With `leave_out_longer`, what would have to be cut is left out.
    Templates may write today's date into the text: without the file, a run resumed tomorrow would differ.

    Raises:
        JobError: the data cannot be read, or nothing in it can be learned from.
    """
    kept = folder / FOLDER / f"{name}.tokens.npz"
    known = _read(kept, key)
    if known is not None:
        return known
    made = make_lessons(read_rows(folder, name), masker, leave_out_longer=leave_out_longer)
    if not made.lessons:
        raise JobError(
            f"none of the examples for {name} can be learned from: {describe(made.left_out)}",
            kept="the examples",
            to_do="Correct them in Review, or accept others.",
        )
    _write(kept, key, made)
    return made


def make_lessons(rows: Sequence[Row], masker: Masker, *, leave_out_longer: bool = False) -> Lessons:
    """Render and mask rows; those that cannot be learned from are counted, not used."""
    lessons: list[Lesson] = []
    left_out: Counter[str] = Counter()
    for row in rows:
        try:
            made = masker.lessons(row.plain, row.left_out_turns)
            if leave_out_longer and any(lesson.truncated for lesson in made):
                left_out[f"longer than {masker.max_length:,} tokens"] += 1
            else:
                lessons += made
        except BadExampleError as error:
            left_out[str(error)] += 1
        except TemplateError:
            left_out["the template refuses it"] += 1
    return Lessons(tuple(lessons), dict(left_out))


def describe(left_out: dict[str, int]) -> str:
    """Say in a line why examples were left out."""
    return " · ".join(f"{count} × {why}" for why, count in sorted(left_out.items()))


def _write(path: Path, key: str, made: Lessons) -> None:
    about = {"key": key, "left_out": made.left_out}
    content = io.BytesIO()
    np.savez(
        content,
        tokens=np.concatenate([lesson.tokens for lesson in made.lessons]),
        targets=np.concatenate([lesson.targets for lesson in made.lessons]),
        lengths=np.array([len(lesson) for lesson in made.lessons]),
        truncated=np.array([lesson.truncated for lesson in made.lessons]),
        about=np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
    )
    write_atomically(path, content.getvalue())


def _read(path: Path, key: str) -> Lessons | None:
    """Return what was kept; None where there is nothing, or what was made otherwise."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            about: dict[str, Any] = json.loads(kept["about"].tobytes())
            if about["key"] != key:
                return None
            cuts = np.cumsum(kept["lengths"])[:-1]
            parts = zip(
                np.split(kept["tokens"], cuts),
                np.split(kept["targets"], cuts),
                kept["truncated"].tolist(),
                strict=True,
            )
            return Lessons(tuple(Lesson(*part) for part in parts), about["left_out"])
    except (OSError, ValueError, KeyError):
        return None
