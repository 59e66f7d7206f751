"""What the store knows of the files that were collected, and how a file's documents get into it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from store.database import Store
from store.models import Example, Provenance, Signals, SourceDocument
from studio.jobs.collect.cut import READER
from studio.jobs.collect.pieces import Piece
from studio.jobs.collect.reading import Found
from studio.jobs.collect.survey import FileKey
from studio.jobs.signals.personal import personal


@dataclass
class Known:
    """What is stored of one file."""

    sha256: str
    local_only: bool
    reader: int
    ids: list[str] = field(default_factory=list)

    def is_of(self, found: Found) -> bool:
        """Say whether the file has not changed since, nor what may be done with it, nor how it is read."""
        return (self.sha256, self.local_only, self.reader) == (found.sha256, found.named.local_only, READER)


@dataclass(frozen=True)
class Harvest:
    """What one file gives to the store."""

    key: FileKey
    documents: tuple[SourceDocument, ...] = ()
    examples: tuple[Example, ...] = ()
    old: tuple[str, ...] = ()
    """Ids of the documents that were cut from it before."""


def known_files(raws: Mapping[str, bytes]) -> dict[FileKey, Known]:
    """Return what is stored by file, out of the documents as JSON: models of tens of thousands would take seconds."""
    files: dict[FileKey, Known] = {}
    for document_id, raw in raws.items():
        d = orjson.loads(raw)
        key = (d["category"], d.get("root", "."), d["path"])
        known = files.get(key)
        if known is None:
            known = files[key] = Known(d["sha256"], d.get("local_only", False), d.get("reader", 0))
        known.ids.append(document_id)
    return files


def harvest(key: FileKey, found: Found, pieces: Iterable[Piece], known: Known | None) -> Harvest:
    """Return a file's documents, and its conversations as examples; what is there twice comes once."""
    documents: dict[str, SourceDocument] = {}
    examples: dict[str, Example] = {}
    for piece in pieces:
        document = _document(key, found, piece)
        documents[document.id] = document
        if piece.messages:
            example = _example(key, found, piece, document.id)
            examples.setdefault(example.id, example)
    return Harvest(
        key, tuple(documents.values()), tuple(examples.values()), tuple(known.ids) if known else ()
    )


def write(database: Store, harvests: Iterable[Harvest]) -> int:
    """Put files' documents in the place of their old ones; return how many examples are new. In one transaction."""
    new = 0
    for each in harvests:
        keep = {document.id for document in each.documents}
        for old in each.old:
            if old not in keep:
                database.sources.delete(old)
        database.sources.put_many(each.documents)
        for example in each.examples:
            there = database.examples.get(example.id)
            if there is None:
                new += 1
                database.examples.put(example)
            elif there.provenance.local_only != example.provenance.local_only:
                # It may carry a person's decision, so it stays as it is but for where it may go.
                origin = there.provenance.model_copy(update={"local_only": example.provenance.local_only})
                database.examples.put(there.model_copy(update={"provenance": origin}))
    return new


def count_new(database: Store, harvests: Iterable[Harvest]) -> int:
    """Return how many examples `write` would add."""
    return len({e.id for each in harvests for e in each.examples if e.id not in database.examples})


def _stable_id(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _document(key: FileKey, found: Found, piece: Piece) -> SourceDocument:
    category, root, path = key
    return SourceDocument(
        id=_stable_id("source", category, root, path, piece.kind, str(piece.lines[0]), piece.text),
        category=category,
        kind=piece.kind,
        title=piece.title,
        path=path,
        root=root,
        lines=piece.lines,
        language=piece.language,
        text=piece.text,
        signature=piece.signature,
        doc=piece.doc,
        sha256=found.sha256,
        local_only=found.named.local_only,
        reader=READER,
    )


def _example(key: FileKey, found: Found, piece: Piece, source_id: str) -> Example:
    category, _, path = key
    kinds = personal(piece.messages)
    return Example(
        id=_stable_id("collected", category, piece.text),
        messages=piece.messages,
        category=category,
        provenance=Provenance(
            teacher="import",
            model=piece.model,
            source_id=source_id,
            source_path=path,
            source_lines=piece.lines,
            origin=piece.origin,
            local_only=found.named.local_only or None,
        ),
        # The signals job measures the rest; this is said at once.
        signals=Signals(flags=(f"personal: {kinds}",) if kinds else ()),
    )
