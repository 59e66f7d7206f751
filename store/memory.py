"""A table in memory: each document as the bytes of its JSON, with the few fields one filters by beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, compress, islice
from typing import Any, NamedTuple

import orjson

Keys = tuple[Any, ...]
"""The values of a table's indexed fields, in the order the table names them; JSON scalars."""


SLICE = 16_384
"""Documents summed up in one call."""
SMALL_SHARE = 0.125
"""Of a table; so many found ids are put in order by sorting them, more by walking through the table."""


class TableSnapshot(NamedTuple):
    """A table at one moment. The documents' bytes are shared with the table, which replaces and never changes them."""

    name: str
    raws: dict[str, bytes]
    codes: dict[str, int]
    ordinals: dict[str, int]
    encoded: list[bytes]
    """The keys of each code as a journal line has them."""


class TableMemory:
    """The documents of one table by id, in the order they were first put.

    Kept as bytes, not as parsed dicts: a document of 1.5 kB is about 8 kB of Python objects. Of keys there are few
    combinations; each has a small number, its code, so that a filter and a count look at combinations first.
    """

    def __init__(self, name: str, indexes: tuple[str, ...] = ()) -> None:
        self.name = name
        self.indexes = indexes
        self.raws: dict[str, bytes] = {}
        self.codes: dict[str, int] = {}
        self.ordinals: dict[str, int] = {}
        self.members: list[dict[str, None]] = []
        """The ids that have each code, in no order; kept exact at every change."""
        self.bytes = 0
        """Size of all documents' JSON."""
        self.combinations: list[Keys] = []
        """The keys of each code."""
        self.encoded: list[bytes] = []
        """The same as a journal line has them."""
        self._of_encoded: dict[bytes, int] = {}
        self._of_keys: dict[Keys, int] = {}

    def put(self, id_: str, raw: bytes, code: int, ordinal: int) -> None:
        """Set a document. A new id goes to the end; a known one keeps its place."""
        old = self.raws.get(id_)
        if old is not None:
            self.bytes -= len(old)
            del self.members[self.codes[id_]][id_]
        # By calls, between which other threads get in: these grow at the same document, and slowly when large.
        self.raws.update({id_: raw})
        self.codes.update({id_: code})
        self.ordinals.update({id_: ordinal})
        self.bytes += len(raw)
        self.members[code][id_] = None

    def drop(self, id_: str) -> None:
        """Forget a document; an unknown id is no error."""
        raw = self.raws.pop(id_, None)
        if raw is None:
            return
        self.bytes -= len(raw)
        del self.members[self.codes.pop(id_)][id_]
        del self.ordinals[id_]

    def load(self, lines: Iterable[Sequence[bytes]]) -> None:
        """Apply the fields of journal lines; `loaded` must be called after the last.

        This loop is what opening a store consists of: a method call or a sum in it costs a tenth of the time.
        A call stands between the changes of two dicts, as other threads get in at calls: a dict that grows keeps
        them out, and these grow at the same document.
        """
        raws, codes, ordinals, known_code = self.raws, self.codes, self.ordinals, self._of_encoded.get
        for _, _, id_bytes, ordinal, encoded, raw, _ in lines:
            id_ = id_bytes.decode()
            if raw:
                raws[id_] = raw
                ordinals[id_] = int(ordinal)
                code = known_code(encoded)
                codes[id_] = self.code_of_encoded(encoded) if code is None else code
            elif raws.pop(id_, None) is not None:
                del codes[id_], ordinals[id_]

    def loaded(self) -> int:
        """Bring order and sums up to date after `load`; return the highest ordinal, or -1 in an empty table."""
        self.in_order()
        every_raw = iter(self.raws.values())
        self.bytes = 0
        # In slices, so that no single call holds the interpreter for long.
        for _ in range(0, len(self.raws), SLICE):
            self.bytes += sum(map(len, islice(every_raw, SLICE)))
        members: list[dict[str, None]] = [{} for _ in self.combinations]
        for id_, code in self.codes.items():
            members[code][id_] = None
        self.members = members
        return next(reversed(self.ordinals.values()), -1)

    def in_order(self) -> None:
        """Bring the documents back into the order they were first put, after changes out of order."""
        ordinals = self.ordinals
        last = -1
        for ordinal in ordinals.values():
            if ordinal < last:
                break
            last = ordinal
        else:
            return
        raws, codes = self.raws, self.codes
        order = _sorted_ids(ordinals)
        self.raws = {id_: raws[id_] for id_ in order}
        self.codes = {id_: codes[id_] for id_ in order}
        self.ordinals = {id_: ordinals[id_] for id_ in order}

    def code_of_encoded(self, encoded: bytes) -> int:
        """Return the code of keys as a journal line has them."""
        code = self._of_encoded.get(encoded)
        if code is None:
            code = self._of_encoded[encoded] = self.code_of(tuple(orjson.loads(encoded)) if encoded else ())
        return code

    def code_of(self, keys: Keys) -> int:
        """Return the code of a combination of keys."""
        code = self._of_keys.get(keys)
        if code is None:
            code = self._of_keys[keys] = len(self.combinations)
            self.combinations.append(keys)
            self.encoded.append(orjson.dumps(keys))
            self.members.append({})
            self._of_encoded[self.encoded[code]] = code
        return code

    def snapshot(self) -> TableSnapshot:
        """Return the table as it is now."""
        return TableSnapshot(
            self.name, self.raws.copy(), self.codes.copy(), self.ordinals.copy(), self.encoded.copy()
        )

    def count(self, equal: dict[str, Any]) -> int:
        """Count by indexed fields; the time does not depend on the number of documents."""
        return sum(map(len, self._matching(equal))) if equal else len(self.raws)

    def ids(self, equal: dict[str, Any]) -> Iterator[str]:
        """Return the ids with these values of indexed fields, in order; to be used up before the next change."""
        if not equal:
            return iter(list(self.raws))
        matching = self._matching(equal)
        total = sum(map(len, matching))
        if total <= len(self.raws) * SMALL_SHARE:
            return iter(sorted(chain.from_iterable(matching), key=self.ordinals.__getitem__))
        found = set(map(id, matching))
        wanted = [id(members) in found for members in self.members]
        return islice(compress(self.codes, map(wanted.__getitem__, self.codes.values())), total)

    def _matching(self, equal: dict[str, Any]) -> list[dict[str, None]]:
        """Return the ids of each combination of keys that has these values."""
        wanted = [(self.indexes.index(name), value) for name, value in equal.items()]
        pairs = zip(self.combinations, self.members, strict=True)
        return [members for keys, members in pairs if all(keys[at] == value for at, value in wanted)]


def _sorted_ids(ordinals: dict[str, int]) -> list[str]:
    """Return the ids by ascending ordinal, in calls too short for anybody to wait for."""
    ids = {ordinal: id_ for id_, ordinal in ordinals.items()}
    if len(ids) < len(ordinals):
        # Only after damage: a deleted document came back whose place had been given to another one.
        return sorted(ordinals, key=ordinals.__getitem__)
    parts: dict[int, list[int]] = {}
    for number in ids:
        parts.setdefault(number // SLICE, []).append(number)
    return [ids[number] for part in sorted(parts) for number in sorted(parts[part])]


def tally_by(memory: TableMemory, *positions: int) -> Counter[Keys]:
    """Count the documents by some of their keys; without those that none has."""
    counted: Counter[Keys] = Counter()
    for keys, members in zip(memory.combinations, memory.members, strict=True):
        if members:
            counted[tuple(keys[at] for at in positions)] += len(members)
    return counted
