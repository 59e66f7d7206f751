"""The run's examples as tokens, made once and kept, so that a resumed run reads the very same ones."""

from __future__ import annotations

import io
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from studio.jobs.events import JobError
from studio.jobs.process.files import write_atomically
from studio.jobs.train.dataset import FOLDER, PairRow, Row, read_pair_rows, read_rows
from studio.jobs.train.masks import BadExampleError, Lesson, Masker
from studio.lm.template import TemplateError

_NAMED = 3
"""Examples that are named where some are left out; the others are counted."""


@dataclass(frozen=True)
class Lessons:
    """One side of the split, as tokens."""

    lessons: tuple[Lesson, ...]
    """Of preference pairs: chosen and rejected, in turn."""
    left_out: dict[str, tuple[str, ...]]
    """Ids of examples that cannot be learned from, by why."""

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
    folder: Path, name: str, masker: Masker, key: str, *, leave_out_longer: bool = False, pairs: bool = False
) -> Generator[None, None, Lessons]:
    """Return the lessons of the run's `train` or `valid`, from the kept file when its `key` is the same.

    With `leave_out_longer`, what would have to be cut is left out. Yields between two examples, so that the
    caller can do something else or give up. Templates may write today's date into the text: without the file, a
    run resumed tomorrow would differ.

    Raises:
        JobError: the data cannot be read, or nothing in it can be learned from.
    """
    kept = folder / FOLDER / f"{name}.tokens.npz"
    known = _read(kept, key)
    if known is not None:
        return known
    if pairs:
        made = yield from pairs_made(read_pair_rows(folder, name), masker)
    else:
        made = yield from lessons_made(read_rows(folder, name), masker, leave_out_longer=leave_out_longer)
    if not made.lessons:
        raise JobError(
            f"none of the examples for {name} can be learned from: {describe(made.left_out)}",
            kept="the examples",
            to_do="Correct them in Review, or accept others.",
            cause="data",
        )
    _write(kept, key, made)
    return made


def lessons_made(
    rows: Sequence[Row], masker: Masker, *, leave_out_longer: bool = False
) -> Generator[None, None, Lessons]:
    """Render and mask rows; those that cannot be learned from are named, not used. Yields after each."""
    lessons: list[Lesson] = []
    left_out: dict[str, tuple[str, ...]] = {}
    for row in rows:
        try:
            made = masker.lessons(row.plain, row.left_out_turns)
            if leave_out_longer and any(lesson.truncated for lesson in made):
                raise _longer(masker)
            lessons += [replace(lesson, example=row.id) for lesson in made]
        except (BadExampleError, TemplateError) as error:
            _leave_out(left_out, row.id, error)
        yield
    return Lessons(tuple(lessons), left_out)


def pairs_made(rows: Sequence[PairRow], masker: Masker) -> Generator[None, None, Lessons]:
    """Render and mask both replies of each pair; pairs that would have to be cut are left out. Yields after each."""
    lessons: list[Lesson] = []
    left_out: dict[str, tuple[str, ...]] = {}
    for row in rows:
        try:
            both = [_last_reply(masker, messages) for messages in row.both]
            if any(lesson.truncated for lesson in both):
                raise _longer(masker)
            _check_differ(*both)
            lessons += [replace(lesson, example=row.id) for lesson in both]
        except (BadExampleError, TemplateError) as error:
            _leave_out(left_out, row.id, error)
        yield
    return Lessons(tuple(lessons), left_out)


def _last_reply(masker: Masker, messages: list[dict[str, str]]) -> Lesson:
    earlier = [index for index, message in enumerate(messages[:-1]) if message["role"] == "assistant"]
    (lesson,) = masker.lessons(messages, earlier)
    return lesson


def _check_differ(chosen: Lesson, rejected: Lesson) -> None:
    if np.array_equal(chosen.tokens, rejected.tokens):
        raise BadExampleError("both replies are the same")


def _longer(masker: Masker) -> BadExampleError:
    return BadExampleError(f"longer than {masker.max_length:,} tokens")


def _leave_out(left_out: dict[str, tuple[str, ...]], name: str, error: Exception) -> None:
    why = str(error) if isinstance(error, BadExampleError) else "the template refuses it"
    left_out[why] = (*left_out.get(why, ()), name)


def describe(left_out: Mapping[str, Sequence[str]]) -> str:
    """Say in a line why examples were left out, and which are the first."""
    return " · ".join(f"{len(ids):,} × {why} ({_few(ids)})" for why, ids in sorted(left_out.items()))


def _few(ids: Sequence[str]) -> str:
    return ", ".join(ids[:_NAMED]) + (", …" if len(ids) > _NAMED else "")


def merged(*parts: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Put together what was left out of both sides of a split."""
    whole: dict[str, tuple[str, ...]] = {}
    for part in parts:
        for why, ids in part.items():
            whole[why] = whole.get(why, ()) + ids
    return whole


def _write(path: Path, key: str, made: Lessons) -> None:
    examples = [lesson.example for lesson in made.lessons]
    about = {"key": key, "left_out": made.left_out, "examples": examples}
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
                about["examples"],
                strict=True,
            )
            left_out = {why: tuple(ids) for why, ids in about["left_out"].items()}
            return Lessons(tuple(Lesson(*part) for part in parts), left_out)
    except (OSError, ValueError, KeyError):
        return None
