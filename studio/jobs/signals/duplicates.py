"""Near-duplicates by MinHash over word shingles, and the groups that must share a split."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasketch import MinHash

    from store.models import Message

THRESHOLD = 0.8
"""Estimated Jaccard similarity from which two examples count as the same, as in datasketch's documentation."""
PERMUTATIONS = 128
SHINGLE_WORDS = 3

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Neighbour:
    """A similar earlier example."""

    id: str
    similarity: float
    """Estimated Jaccard similarity of the word shingles, in 0..1."""


class DuplicateIndex:
    """All texts seen so far; each new one is asked for its neighbours, then added."""

    def __init__(self, threshold: float = THRESHOLD) -> None:
        """`threshold` is the estimated similarity, 0..1, from which two texts count as the same."""
        from datasketch import MinHashLSH

        self._threshold = threshold
        self._index = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
        self._hashes: dict[str, MinHash] = {}

    def add(self, key: str, text: str) -> tuple[Neighbour, ...]:
        """Add a text; return the earlier ones whose similarity reaches the threshold, the nearest first.

        Raises:
            ValueError: the key was added before.
        """
        new = _minhash(text)
        similar = [
            Neighbour(other, float(new.jaccard(self._hashes[other]))) for other in self._index.query(new)
        ]
        self._index.insert(key, new)
        self._hashes[key] = new
        reached = [neighbour for neighbour in similar if neighbour.similarity >= self._threshold]
        return tuple(sorted(reached, key=lambda n: (-n.similarity, n.id)))


def words_of(messages: Iterable[Message]) -> str:
    """Return the text of a conversation by which it is compared."""
    return "\n".join(message.content for message in messages)


def similarity(one: str, other: str) -> float:
    """Return the Jaccard similarity, 0..1, of the word shingles of two texts; exact, not estimated."""
    first, second = _shingles(one), _shingles(other)
    return len(first & second) / len(first | second)


def _shingles(text: str) -> set[str]:
    words = [word.casefold() for word in _WORD.findall(text)]
    return {
        " ".join(words[start : start + SHINGLE_WORDS])
        for start in range(max(1, len(words) - SHINGLE_WORDS + 1))
    }


@cache
def _blank() -> MinHash:
    from datasketch import MinHash

    return MinHash(num_perm=PERMUTATIONS)


def _minhash(text: str) -> MinHash:
    # A copy shares the permutations, which take longer to draw than a text takes to be hashed, and 2 kB each.
    result = _blank().copy()
    result.update_batch([shingle.encode() for shingle in sorted(_shingles(text))])
    return result
