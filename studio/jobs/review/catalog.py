"""What one filters, orders and searches examples by, in memory: few combinations of values, and who has which."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import compress, islice, repeat
from typing import Any, NamedTuple
from zlib import crc32

import orjson

from store.collector import without_collector
from store.models import words_digest
from studio.jobs.review.filters import NONE, Dimension, Filter
from studio.jobs.review.history import History, mark_of
from studio.jobs.review.textindex import CHUNK, TextIndex

NEAR_DUPLICATE = "near-duplicate"
_SEVERITY = {
    "empty": 10,
    "secret": 10,
    "refused": 8,
    "truncated": 6,
    "name": 6,
    "language": 6,
    "markup": 5,
    NEAR_DUPLICATE: 5,
    "leak": 4,
    "glossary": 4,
    "monotony": 3,
    "dotless": 3,
    "length": 2,
}


class Traits(NamedTuple):
    """A combination of values that examples share."""

    status: str
    category: str
    recipe: str
    slot: str
    languages: tuple[str, ...]
    signals: tuple[str, ...]
    teacher: str
    run: str
    measured: bool

    def of(self, dimension: Dimension) -> tuple[str, ...]:
        """Return the values in a dimension; several in those of languages and signals."""
        if dimension == "language":
            return self.languages
        if dimension == "signal":
            return self.signals
        value: str = getattr(self, dimension)
        return (value,)

    def passes(self, wanted: Mapping[Dimension, str]) -> bool:
        """Say whether all values that are asked for are among it."""
        return all(value in self.of(name) for name, value in wanted.items())

    @property
    def severity(self) -> int:
        """How bad the signals are together."""
        return sum(_SEVERITY.get(name, 1) for name in self.signals)


class Catalog:
    """Traits, words and history of all examples. Reading goes on beside changes; changes are one after the other."""

    def __init__(self) -> None:
        self.text = TextIndex()
        self.history = History()
        self._codes: dict[str, int] = {}
        self._traits: list[Traits] = []
        self._numbers: dict[Traits, int] = {}
        self._having: list[int] = []
        """How many examples have each of the traits."""
        self._scores: dict[str, float] = {}
        """Of those that a judge has rated as they are."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._codes)

    def load(self, raws: Mapping[str, bytes]) -> None:
        """Take in all examples of a new catalogue."""
        pieces = iter(raws.items())
        while piece := list(islice(pieces, CHUNK)):
            with without_collector():
                part = []
                for example_id, raw in piece:
                    document = orjson.loads(raw)
                    self._take(example_id, document)
                    part.append((example_id, _words(document)))
                self.text.load(part)

    def put(self, raws: Mapping[str, bytes]) -> None:
        """Take in examples as they are stored now."""
        for example_id, raw in raws.items():
            document = orjson.loads(raw)
            words = _words(document)
            with self._lock:
                self._take(example_id, document)
                self.text.put(example_id, words)

    def drop(self, ids: Iterable[str]) -> None:
        """Forget examples that were deleted."""
        with self._lock:
            for example_id in ids:
                code = self._codes.pop(example_id, None)
                if code is not None:
                    self._having[code] -= 1
                self._scores.pop(example_id, None)
                self.history.drop(example_id)
                self.text.drop(example_id)

    def __contains__(self, example_id: object) -> bool:
        return example_id in self._codes

    def ids(self, wanted: Filter) -> list[str]:
        """Return the ids that pass a filter, in its order.

        Raises:
            SearchError: the text is no regular expression, or takes too long.
        """
        passing = self._passing(wanted)
        if wanted.text:
            found = list(self._having_words(wanted.text, passing))
        else:
            # One call, in which no other thread changes the catalogue.
            found = list(compress(self._codes, map(passing.__getitem__, self._codes.values())))
        return self._ordered(found, wanted)

    def _having_words(self, text: str, passing: list[bool]) -> Iterator[str]:
        hits, code_of = self.text.find(text), self._codes.get
        # The last place is for those that are gone meanwhile.
        marks = [*passing, False]
        # By calls that stay in C, each too short for a key to wait for.
        while some := list(islice(hits, CHUNK)):
            yield from compress(some, map(marks.__getitem__, map(code_of, some, repeat(-1))))

    def passes(self, example_id: str, wanted: Filter) -> bool:
        """Say whether one example passes all but the text of a filter."""
        code = self._codes.get(example_id)
        return code is not None and self._traits[code].passes(wanted.wanted)

    def counts(self, wanted: Filter, dimension: Dimension) -> Counter[str]:
        """Count the values of a dimension among what passes the rest of a filter, its text left aside."""
        rest = wanted.model_copy(update={dimension: None}).wanted
        counted: Counter[str] = Counter()
        for traits, number in self.traits():
            if traits.passes(rest):
                for value in traits.of(dimension):
                    counted[value] += number
        return counted

    @property
    def unmeasured(self) -> int:
        """How many examples have no signals yet."""
        return sum(number for traits, number in self.traits() if not traits.measured)

    def traits(self) -> list[tuple[Traits, int]]:
        """Return all combinations with how many examples have each."""
        pairs = zip(list(self._traits), self._having, strict=False)
        return [(traits, number) for traits, number in pairs if number]

    def _passing(self, wanted: Filter) -> list[bool]:
        values = wanted.wanted
        return [traits.passes(values) for traits in list(self._traits)]

    def _ordered(self, found: list[str], wanted: Filter) -> list[str]:
        codes, traits = self._codes, self._traits
        if wanted.order == "random":
            # By a hash of each id: what comes later finds its place, and the others keep theirs.
            places = dict(zip(found, map(crc32, map(str.encode, found), repeat(wanted.seed)), strict=True))
            found.sort(key=places.__getitem__)
        elif wanted.order == "worst":
            severity = [-each.severity for each in traits]
            found.sort(key=lambda key: severity[codes[key]])
        elif wanted.order == "judge":
            scores = self._scores
            found.sort(key=lambda key: scores.get(key, 2.0))
        elif wanted.order == "recipe":
            recipes = [(each.recipe, each.slot) for each in traits]
            found.sort(key=lambda key: recipes[codes[key]])
        return found

    def _take(self, example_id: str, document: Mapping[str, Any]) -> None:
        traits = _traits(document)
        code = self._numbers.get(traits)
        if code is None:
            self._having.append(0)
            self._traits.append(traits)
            code = self._numbers[traits] = len(self._traits) - 1
        before = self._codes.get(example_id)
        if before is not None:
            self._having[before] -= 1
        self._having[code] += 1
        self._codes[example_id] = code
        score = _score(document)
        if score is not None:
            self._scores[example_id] = score
        else:
            self._scores.pop(example_id, None)
        self.history.put(example_id, mark_of(document))


def _traits(document: Mapping[str, Any]) -> Traits:
    signals = document.get("signals") or {}
    origin = document.get("provenance") or {}
    spoken = signals.get("languages") or ()
    replies = (
        spoken[place]
        for place, message in enumerate(document["messages"])
        if message["role"] == "assistant" and place < len(spoken)
    )
    names = {flag.partition(":")[0] for flag in signals.get("flags") or ()}
    if signals.get("near_duplicate_of") and not signals.get("near_duplicate_allowed"):
        names.add(NEAR_DUPLICATE)
    return Traits(
        status=document.get("status") or "pending",
        category=document["category"],
        recipe=document.get("recipe") or NONE,
        slot=document.get("slot") or NONE,
        languages=tuple(sorted(set(replies))),
        signals=tuple(sorted(names)),
        teacher=origin.get("teacher") or NONE,
        run=origin.get("job_id") or NONE,
        measured=signals.get("words") is not None,
    )


def _score(document: Mapping[str, Any]) -> float | None:
    """Return the judge's score of the words that a document has now, as `Example.current_rating` does."""
    rating = document.get("rating")
    if not rating or rating["of"] != words_digest((m["role"], m["content"]) for m in document["messages"]):
        return None
    score: float = rating["score"]
    return score


def _words(document: Mapping[str, Any]) -> str:
    parts = [message["content"] for message in document["messages"]]
    parts += [document.get(name) or "" for name in ("slot", "recipe", "note")]
    return "\n".join(parts)
