"""The run's own copy of its data: `dataset/train.jsonl`, `valid.jsonl` and what is known about them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from store.models import Example, Message, PreferencePair, Split, now
from studio.jobs.events import JobError
from studio.jobs.process.files import PRIVATE_FOLDER, write_atomically
from studio.jobs.train.choose import Choice, PairChoice

R = TypeVar("R", bound=BaseModel)

FOLDER = "dataset"
_ABOUT = "dataset.json"


class Row(BaseModel):
    """A line of the JSONL files; mlx-lm, TRL, Axolotl and LLaMA-Factory read its `messages`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    messages: tuple[Message, ...]
    left_out_turns: tuple[int, ...] = ()
    """Indexes into `messages` of replies that are context only."""

    @property
    def plain(self) -> list[dict[str, str]]:
        """The messages as templates take them."""
        return [{"role": message.role, "content": message.content} for message in self.messages]


class PairRow(BaseModel):
    """A line of the JSONL files of a run over preferences, in TRL's conversational `preference` form."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    prompt: tuple[Message, ...]
    chosen: tuple[Message, ...]
    rejected: tuple[Message, ...]

    @property
    def both(self) -> list[list[dict[str, str]]]:
        """The conversation with the better reply, and with the worse one, as templates take them."""
        return [
            [{"role": message.role, "content": message.content} for message in (*self.prompt, *reply)]
            for reply in (self.chosen, self.rejected)
        ]


class About(BaseModel):
    """What was chosen and when."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sha256: str
    """Of both files as they are on the disk."""
    system_prompt: str
    """The persona's, with which the examples are rendered."""
    splits: dict[str, Split]
    train: int
    valid: int
    near_duplicates: int = 0
    test: int = 0
    prepared_at: datetime = Field(default_factory=now)


def write_dataset(choice: Choice, system_prompt: str, folder: Path) -> About:
    """Write the chosen examples into `folder`/dataset, each with the system prompt in front.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    sides = [[_row(example, system_prompt) for example in side] for side in (choice.train, choice.valid)]
    about = About(
        sha256=_write_sides(sides, folder),
        system_prompt=system_prompt,
        splits=choice.splits,
        train=len(choice.train),
        valid=len(choice.valid),
        near_duplicates=choice.near_duplicates,
        test=choice.test,
    )
    return _with(about, folder)


def write_pairs(choice: PairChoice, system_prompt: str, folder: Path) -> About:
    """Write the chosen preference pairs into `folder`/dataset, each with the system prompt in front.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    sides = [[_pair_row(pair, system_prompt) for pair in side] for side in (choice.train, choice.valid)]
    about = About(
        sha256=_write_sides(sides, folder),
        system_prompt=system_prompt,
        splits={},
        train=len(choice.train),
        valid=len(choice.valid),
        test=choice.test,
    )
    return _with(about, folder)


def _write_sides(sides: Sequence[Sequence[object]], folder: Path) -> str:
    """Write `train.jsonl` and `valid.jsonl`; return the hash over both."""
    place = folder / FOLDER
    place.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    digest = hashlib.sha256()
    for name, rows in zip(("train", "valid"), sides, strict=True):
        content = _lines(rows)
        digest.update(hashlib.sha256(content).digest())
        write_atomically(place / f"{name}.jsonl", content)
    return digest.hexdigest()


def _with(about: About, folder: Path) -> About:
    write_atomically(folder / FOLDER / _ABOUT, about.model_dump_json(indent=2).encode())
    return about


def read_about(folder: Path) -> About:
    """Read what is known about the data of the run in `folder`.

    Raises:
        JobError: it is missing or damaged.
    """
    try:
        return About.model_validate_json((folder / FOLDER / _ABOUT).read_bytes())
    except (OSError, ValidationError) as error:
        raise _unreadable(_ABOUT, error) from error


def read_rows(folder: Path, name: str) -> list[Row]:
    """Read `train` or `valid` of the run in `folder`.

    Raises:
        JobError: the file is missing, or a line of it is damaged (which one).
    """
    return _rows(folder, name, Row)


def read_pair_rows(folder: Path, name: str) -> list[PairRow]:
    """Read `train` or `valid` of the run over preferences in `folder`.

    Raises:
        JobError: as `read_rows`.
    """
    return _rows(folder, name, PairRow)


def _rows(folder: Path, name: str, kind: type[R]) -> list[R]:
    file = f"{name}.jsonl"
    rows: list[R] = []
    try:
        with (folder / FOLDER / file).open("rb") as lines:
            for number, line in enumerate(lines, 1):
                file = f"{name}.jsonl, line {number}"
                rows.append(kind.model_validate_json(line))
    except (OSError, ValidationError) as error:
        raise _unreadable(file, error) from error
    return rows


def _lines(rows: Sequence[object]) -> bytes:
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    # A lone surrogate, which no tokenizer takes, becomes a question mark here.
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def _row(example: Example, system_prompt: str) -> dict[str, object]:
    """Put the persona's system prompt first; an example's own system message follows it in the same turn."""
    turns = with_system(example.messages, system_prompt)
    shift = len(turns) - len(example.messages)
    return {
        "id": example.id,
        "messages": [turn.model_dump() for turn in turns],
        "left_out_turns": [index + shift for index in example.left_out_turns],
    }


def _pair_row(pair: PreferencePair, system_prompt: str) -> dict[str, object]:
    def reply(text: str) -> list[dict[str, str]]:
        return [{"role": "assistant", "content": text}]

    prompt = [turn.model_dump() for turn in with_system(pair.prompt, system_prompt)]
    return {"id": pair.id, "prompt": prompt, "chosen": reply(pair.chosen), "rejected": reply(pair.rejected)}


def with_system(messages: Sequence[Message], system_prompt: str) -> list[Message]:
    """Return a conversation as it is trained on: the persona's prompt in front, with its own behind that."""
    rest = list(messages)
    # A conversation that was kept from a chat brings the persona's prompt along: once is enough.
    if rest and rest[0].role == "system":
        own = rest.pop(0).content
        if own.strip() != system_prompt.strip():
            system_prompt = f"{system_prompt}\n\n{own}"
    return [Message(role="system", content=system_prompt), *rest]


def _unreadable(file: str, error: Exception) -> JobError:
    return JobError(
        f"the run's data cannot be read: {file}: {str(error).splitlines()[0]}",
        kept="the checkpoints that are there",
        to_do="Start a new run: it makes its own copy of the data.",
        cause="data",
    )
