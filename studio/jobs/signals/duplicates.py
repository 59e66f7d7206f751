"""Near-duplicates by MinHash over word shingles, and the groups that must share a split."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasketch import MinHash

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

    def __init__(self) -> None:
        from datasketch import MinHashLSH

        self._index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
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
        reached = [neighbour for neighbour in similar if neighbour.similarity >= THRESHOLD]
        return tuple(sorted(reached, key=lambda n: (-n.similarity, n.id)))


def _minhash(text: str) -> MinHash:
    from datasketch import MinHash

    words = [word.casefold() for word in _WORD.findall(text)]
    shingles = {
        " ".join(words[start : start + SHINGLE_WORDS])
        for start in range(max(1, len(words) - SHINGLE_WORDS + 1))
    }
    result = MinHash(num_perm=PERMUTATIONS)
    result.update_batch([shingle.encode() for shingle in sorted(shingles)])
    return result
