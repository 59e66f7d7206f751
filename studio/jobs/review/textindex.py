"""The words of all examples, ready to be searched: a text among 170,000 is found in tenths of a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from studio.jobs.review.search import finder, folded_bytes, unfolded

CHUNK = 1_000
"""Examples in a piece; one piece is searched without letting other threads in, in less than a millisecond."""
REGEX_SECONDS = 3.0
"""How long a regular expression may take over all examples together."""

_END = b"\x00"


class SearchError(Exception):
    """The search cannot be done as it was asked for; the message says why, for people."""


def expression_of(query: str) -> str | None:
    """Return the regular expression that a query between slashes is; None for plain words."""
    return query[1:-1] if len(query) > 2 and query.startswith("/") and query.endswith("/") else None


@contextmanager
def told_if_no_expression() -> Iterator[None]:
    """Turn what the library raises on a bad expression in this block into a SearchError for people."""
    import regex

    try:
        yield
    except (regex.error, RecursionError, OverflowError, IndexError) as error:
        raise SearchError(f"This is no regular expression: {error}.") from error


class _Chunk(NamedTuple):
    """Some examples' words, each ended by a NUL. Never changed, only replaced: searches go on beside changes."""

    text: bytes
    starts: list[int]
    """Where each example begins, and the end of the last one."""
    ids: list[str]


class TextIndex:
    """Folded words by example, in the order in which they came."""

    def __init__(self) -> None:
        self._chunks: list[_Chunk] = []
        self._place: dict[str, int] = {}
        """Number of the piece times CHUNK, plus the place in it."""

    def put(self, example_id: str, words: str) -> None:
        """Take in an example's words; a new id goes to the end."""
        raw = folded_bytes(words) + _END
        number = self._place.get(example_id)
        if number is not None:
            self._replace(number, raw)
            return
        if not self._chunks or len(self._chunks[-1].ids) >= CHUNK:
            self._chunks.append(_Chunk(b"", [0], []))
        last = self._chunks[-1]
        self._place[example_id] = (len(self._chunks) - 1) * CHUNK + len(last.ids)
        self._chunks[-1] = _Chunk(
            last.text + raw, [*last.starts, len(last.text) + len(raw)], [*last.ids, example_id]
        )

    def load(self, part: list[tuple[str, str]]) -> None:
        """Take in up to CHUNK new examples at once, into an index of such pieces; quicker than one by one."""
        raws = [folded_bytes(words) + _END for _, words in part]
        starts, at = [0], 0
        for raw in raws:
            at += len(raw)
            starts.append(at)
        ids = [example_id for example_id, _ in part]
        first = len(self._chunks) * CHUNK
        self._place.update(zip(ids, range(first, first + len(ids)), strict=True))
        self._chunks.append(_Chunk(b"".join(raws), starts, ids))

    def drop(self, example_id: str) -> None:
        """Forget an example's words."""
        number = self._place.pop(example_id, None)
        if number is not None:
            self._replace(number, _END)

    def find(self, query: str) -> Iterator[str]:
        """Yield the ids of the examples that have the words, in order. A text between slashes is a regular expression.

        Raises:
            SearchError: the expression is none, or takes too long.
        """
        expression = expression_of(query)
        return self._find_words(query) if expression is None else self._find_regex(expression)

    def _find_words(self, query: str) -> Iterator[str]:
        hits = finder(query)
        for text, starts, ids in list(self._chunks):
            yield from map(ids.__getitem__, hits(text, starts))

    def _find_regex(self, expression: str) -> Iterator[str]:
        import regex

        with told_if_no_expression():
            compiled = regex.compile(expression, regex.IGNORECASE | regex.MULTILINE)
        ends = time.monotonic() + REGEX_SECONDS
        for text, starts, ids in list(self._chunks):
            for number, example_id in enumerate(ids):
                words = unfolded(text[starts[number] : starts[number + 1] - 1])
                left = ends - time.monotonic()
                try:
                    # The library lets other threads work meanwhile, which Python's own does not.
                    found = left > 0 and compiled.search(words, timeout=left, concurrent=True) is not None
                except TimeoutError:
                    left = 0
                if left <= 0:
                    raise SearchError(
                        f"This expression takes longer than {REGEX_SECONDS:g} s. The list is as it was; "
                        "search for something simpler."
                    )
                if found:
                    yield example_id

    def _replace(self, place: int, raw: bytes) -> None:
        number, place = divmod(place, CHUNK)
        text, starts, ids = self._chunks[number]
        begin, end = starts[place], starts[place + 1]
        if text[begin:end] == raw:
            return
        more = len(raw) - (end - begin)
        moved = starts[: place + 1] + [start + more for start in starts[place + 1 :]]
        self._chunks[number] = _Chunk(text[:begin] + raw + text[end:], moved, ids)
