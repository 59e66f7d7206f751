"""Which examples a run learns from, and which side of the split each is on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from store.models import Example, PreferencePair, Split, Status
from studio.jobs.events import JobError

Side = Literal["train", "valid"]

VALID_SHARE = 0.1
"""The plan's 90/10."""


@dataclass(frozen=True)
class Choice:
    """What a run uses and what it leaves."""

    train: tuple[Example, ...]
    valid: tuple[Example, ...]
    near_duplicates: int
    """Accepted, but near-duplicates of others that are in."""
    test: int
    """Accepted, but frozen as test examples."""

    @property
    def splits(self) -> dict[str, Split]:
        """The split of each example that is used, by its id."""
        sides: list[tuple[Side, tuple[Example, ...]]] = [("train", self.train), ("valid", self.valid)]
        return {example.id: side for side, examples in sides for example in examples}


@dataclass(frozen=True)
class PairChoice:
    """Which preference pairs a run uses."""

    train: tuple[PreferencePair, ...]
    valid: tuple[PreferencePair, ...]
    test: int
    """Accepted, but from examples that are frozen as test examples."""


def choose(accepted: Iterable[Example], *, allow_near_duplicates: bool = False) -> Choice:
    """Choose from the accepted examples: each group whole on one side, frozen splits kept.

    A group (near-duplicates and versions of each other) has the side that a frozen member has, else the one
    that its hash says, so that the same examples always split the same way. Where the hash leaves a side
    empty, the group whose hash is nearest changes over.

    Raises:
        JobError: there is nothing to train on, or too little for two sides.
    """
    examples = sorted(accepted, key=lambda example: example.id)
    if not examples:
        raise JobError(
            "no example is accepted, so there is nothing to train on",
            kept="nothing was changed",
            to_do="Accept some in Review (a), or let a policy: jessy-studio review accept.",
        )
    by_id = {example.id: example for example in examples}
    kept = [e for e in examples if allow_near_duplicates or not _is_repeated(e, by_id)]
    groups: dict[str, list[Example]] = {}
    for example in kept:
        groups.setdefault(example.group or example.id, []).append(example)
    sides = _sides(groups, frozen=_frozen(examples))
    chosen: dict[Split, list[Example]] = {"train": [], "valid": [], "test": []}
    for example in kept:
        chosen[sides[example.group or example.id]].append(example)
    return Choice(
        train=tuple(chosen["train"]),
        valid=tuple(chosen["valid"]),
        near_duplicates=len(examples) - len(kept),
        test=len(chosen["test"]),
    )


def is_decided(pair: PreferencePair, parents: Mapping[str, Example]) -> bool:
    """Say whether a person stands behind a pair: it is accepted, or made by their edit of an accepted example."""
    parent = parents.get(pair.provenance.parent_id or "")
    edited = pair.status is Status.PENDING and pair.provenance.teacher == "person"
    return pair.status is Status.ACCEPTED or (
        edited
        and parent is not None
        and parent.status is Status.ACCEPTED
        # Edited again since then, it is another pair that counts.
        and any(message.content == pair.chosen for message in parent.messages)
    )


def choose_pairs(accepted: Iterable[PreferencePair], parents: Mapping[str, Example]) -> PairChoice:
    """Choose from the accepted pairs; one that was made of an example is on that example's side.

    `parents` are the examples that the pairs name as their parents, by id.

    Raises:
        JobError: there is nothing to train on, or too little for two sides.
    """
    pairs = sorted(accepted, key=lambda pair: pair.id)
    if not pairs:
        raise JobError(
            "no preference pair is accepted, so there is nothing to train on",
            kept="nothing was changed",
            to_do="Edit replies and accept the examples, or accept pairs; or train on examples: --method sft.",
        )
    groups: dict[str, list[PreferencePair]] = {}
    frozen: dict[str, Split] = {}
    for pair in pairs:
        parent = parents.get(pair.provenance.parent_id or "")
        # Pairs over the same prompt belong together, whoever made them.
        prompt = "\0".join(f"{turn.role}\0{turn.content}" for turn in pair.prompt)
        group = (
            (parent.group or parent.id)
            if parent
            else hashlib.sha256(prompt.encode("utf-8", "replace")).hexdigest()
        )
        groups.setdefault(group, []).append(pair)
        if parent is not None and parent.frozen_by is not None and parent.split is not None:
            frozen[group] = parent.split
    sides = _sides(groups, frozen)
    chosen: dict[Split, list[PreferencePair]] = {"train": [], "valid": [], "test": []}
    for group, members in groups.items():
        chosen[sides[group]] += members
    return PairChoice(
        train=tuple(sorted(chosen["train"], key=lambda pair: pair.id)),
        valid=tuple(sorted(chosen["valid"], key=lambda pair: pair.id)),
        test=len(chosen["test"]),
    )


def _is_repeated(example: Example, by_id: Mapping[str, Example]) -> bool:
    """Say whether what `example` nearly repeats is in as well (the first of a chain always is)."""
    signals = example.signals
    return signals.near_duplicate_of in by_id and not signals.near_duplicate_allowed


def _frozen(examples: Sequence[Example]) -> dict[str, Split]:
    return {e.group or e.id: e.split for e in examples if e.frozen_by is not None and e.split is not None}


def _sides(groups: Mapping[str, Sequence[object]], frozen: Mapping[str, Split]) -> dict[str, Split]:
    sides: dict[str, Split] = {
        group: frozen.get(group) or ("valid" if _place(group) < VALID_SHARE else "train") for group in groups
    }
    free = sorted((group for group in groups if group not in frozen), key=_place)
    for side, order in (("valid", free), ("train", free[::-1])):
        used = set(sides.values())
        if side not in used:
            others = [group for group in order if sides[group] != side]
            if not others or sum(value == sides[others[0]] for value in sides.values()) < 2:
                raise _too_few(len(groups), side)
            sides[others[0]] = "valid" if side == "valid" else "train"
    return sides


def _too_few(groups: int, side: str) -> JobError:
    return JobError(
        f"{groups} distinct example{'s are' if groups != 1 else ' is'} too few: none is left for {side}",
        kept="nothing was changed",
        to_do="Accept more examples; near-duplicates and versions of one count once.",
    )


def _place(group: str) -> float:
    """Return a stable place of the group in 0..1."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
