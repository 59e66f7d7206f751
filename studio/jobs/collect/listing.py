"""What a collect says in words: what came from where, what was left out, what was held back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from studio.jobs.collect.pieces import Held, Marked, Skipped
from studio.jobs.events import Log

_MOST = 5
"""Files of one reason that are named; the result has all."""
_MOST_CHANGES = 40


@dataclass
class Tally:
    """What became of the files of one category."""

    files: int = 0
    new: int = 0
    changed: int = 0
    removed: int = 0
    documents: int = 0
    examples: int = 0


@dataclass(frozen=True)
class Change:
    """What a file brings, or that it has gone."""

    path: str
    category: str
    state: str
    """`new`, `changed` or `removed`."""
    documents: int = 0
    examples: int = 0


@dataclass
class Told:
    """Everything that a collect found."""

    categories: dict[str, Tally] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    marked: list[Marked] = field(default_factory=list)

    def tally(self, category: str) -> Tally:
        """Return the figures of a category."""
        return self.categories.setdefault(category, Tally())

    def change(self, path: str, category: str, state: str, documents: int = 0, examples: int = 0) -> None:
        """Note what became of a file."""
        self.changes.append(Change(path, category, state, documents, examples))
        tally = self.tally(category)
        tally.documents += documents
        tally.examples += examples
        match state:
            case "new":
                tally.new += 1
            case "changed":
                tally.changed += 1
            case _:
                tally.removed += 1


def lines(told: Told, *, preview: bool) -> Iterator[Log]:
    """Yield what a person should read; what was held back comes last, where it is seen without scrolling."""
    if preview:
        for change in told.changes[:_MOST_CHANGES]:
            sign = {"new": "+", "changed": "~"}.get(change.state, "-")
            yield Log(text=f"{sign} {change.category}  {change.path}{_brings(change)}")
        if len(told.changes) > _MOST_CHANGES:
            yield Log(text=f"… and {len(told.changes) - _MOST_CHANGES:,} more files (--json has all)")
    for name, tally in told.categories.items():
        yield Log(text=f"{name}: {_figures(tally)}")
    yield from _left_out(told.skipped)
    for mark in told.marked[:_MOST]:
        yield Log(level="warning", text=f"personal data in {mark.path}, line {mark.line}: {mark.kinds}")
    if len(told.marked) > _MOST:
        more = len(told.marked) - _MOST
        yield Log(
            level="warning",
            text=f"personal data in {more:,} more conversations (signal `personal` in Review)",
        )
    for held in told.held:
        where = f" ({held.conversation})" if held.conversation else ""
        yield Log(
            level="warning", text=f"held back {held.path}{where}: line {held.line} looks like {held.kind}"
        )


def _brings(change: Change) -> str:
    parts = [_plural(change.documents, "document")] if change.documents else []
    parts += [_plural(change.examples, "conversation")] if change.examples else []
    return f"  {', '.join(parts)}" if parts else ""


def _figures(tally: Tally) -> str:
    parts = [_plural(tally.files, "file")]
    for number, word in ((tally.new, "new"), (tally.changed, "changed"), (tally.removed, "removed")):
        parts += [f"{number:,} {word}"] if number else []
    parts += [_plural(tally.documents, "document")] if tally.documents else []
    parts += [_plural(tally.examples, "conversation")] if tally.examples else []
    return " · ".join(parts)


def _plural(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _left_out(skipped: Sequence[Skipped]) -> Iterator[Log]:
    """Yield each place that was left out; of a reason that many share, some of them and how many there are."""
    by_reason: dict[str, list[str]] = {}
    for each in skipped:
        by_reason.setdefault(each.reason, []).append(each.path)
    for reason, paths in by_reason.items():
        if len(paths) <= _MOST:
            for path in paths:
                yield Log(level="warning", text=f"left out {path}: {reason}")
        else:
            named = ", ".join(paths[: _MOST - 2])
            yield Log(level="warning", text=f"left out {len(paths):,} files: {reason} ({named}, …)")
