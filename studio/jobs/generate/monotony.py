"""Monotony: what too many replies of a recipe have in common, which near-duplicates don't show.

MinHash compares whole texts. Thousands of replies that all begin "Hadi bakalım!" and end with the same question are
different texts, and a model learns the beginning and the end.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Literal

from studio.jobs.signals.words import opening

ENOUGH = 20
"""Replies of a recipe from which on a share says something."""
EMOJI_SHARE = 0.5
"""An emoji is monotonous from here on; a persona has favourites, so it may come more often than an opening."""
_CLOSING_WORDS = 3
_FORGOTTEN = 4_096
"""Different openings that are kept by recipe; rare ones make room."""

_WORD = re.compile(r"[^\W\d_]+")
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf\u26a1]")

Kind = Literal["begin", "end", "have"]


@dataclass(frozen=True)
class Alike:
    """What replies have in common."""

    kind: Kind
    what: str
    share: float
    """Of the recipe's replies, 0..1."""

    def __str__(self) -> str:
        return f"{self.share:.0%} of the replies {self.kind} “{self.what}”"


@dataclass
class _Habits:
    replies: int = 0
    counts: dict[Kind, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


class Monotony:
    """Counts openings, closings and emoji of each recipe's replies as they come."""

    def __init__(self, threshold: float = 0.2) -> None:
        """`threshold` is the share, 0..1, from which an opening or a closing counts as monotonous."""
        self._threshold = threshold
        self._habits: defaultdict[str, _Habits] = defaultdict(_Habits)

    def add(self, recipe: str, reply: str) -> None:
        """Take in one reply."""
        habits = self._habits[recipe]
        habits.replies += 1
        for kind, found in (
            ("begin", [opening(reply)]),
            ("end", [closing(reply)]),
            ("have", sorted(set(_EMOJI.findall(reply)))),
        ):
            counter = habits.counts[kind]  # type: ignore[index]
            counter.update(what for what in found if what)
            if len(counter) > _FORGOTTEN:
                habits.counts[kind] = Counter(dict(counter.most_common(_FORGOTTEN // 2)))  # type: ignore[index]

    def worst(self, recipe: str) -> Alike | None:
        """Return what is furthest above its threshold, or None where nothing is or there are too few replies."""
        habits = self._habits.get(recipe)
        if habits is None or habits.replies < ENOUGH:
            return None
        found = []
        for kind, counter in habits.counts.items():
            threshold = EMOJI_SHARE if kind == "have" else self._threshold
            for what, number in counter.most_common(1):
                share = number / habits.replies
                if share > threshold:
                    found.append((share / threshold, Alike(kind, what, share)))
        return max(found, key=lambda item: item[0], default=(0.0, None))[1]


def closing(text: str) -> str:
    """Return the last three words, with case folded."""
    words = _WORD.findall(text[-400:])
    return " ".join(word.casefold() for word in words[-_CLOSING_WORDS:])
