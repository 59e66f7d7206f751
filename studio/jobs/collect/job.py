"""The collect job: reads what `sources.toml` names and stores it as source documents."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict

from store.database import Store
from store.live import AsyncStore
from store.models import Example, Provenance, SourceDocument
from studio.config.sources import Source, load_sources
from studio.jobs.collect import code, markdown, plan_json
from studio.jobs.collect.files import Found, find
from studio.jobs.collect.pieces import Piece, Skipped
from studio.jobs.events import Event, Finished, JobError, Log, Progress, Stage
from studio.workspace import Workspace

FileKey = tuple[str, str]
"""Category and path."""
Stamp = tuple[str, bool]
"""SHA-256 of the file, and whether its text must stay on this machine."""


class Spec(BaseModel):
    """What to collect."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dry_run: bool = False
    """Report what would be stored, and store nothing."""


@dataclass
class _Survey:
    """What the sources name at this moment."""

    found: dict[FileKey, Found] = field(default_factory=dict)
    roots: dict[FileKey, Path] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    """Categories with a folder that is not there, such as an unmounted disk: nothing of theirs is removed."""

    def add(self, source: Source, root: Path) -> None:
        if not root.is_dir():
            self.away.add(source.category)
            self.skipped.append(Skipped(source.root, f"there is no such folder (category {source.category})"))
            return
        for item in find(source, root):
            if isinstance(item, Skipped):
                self.skipped.append(item)
                continue
            key = (item.category, item.path)
            known = self.roots.setdefault(key, root)
            if known != root:
                reason = f"{item.category} has a file of this path from another folder; name their common one"
                self.skipped.append(Skipped(item.path, reason))
            elif key not in self.found or item.local_only:
                # Of two sources that name the same file, the one that keeps it here counts.
                self.found[key] = item


async def run(spec: Spec, workspace: Workspace, store: AsyncStore) -> AsyncIterator[Event]:
    """Read all sources; unchanged files are kept, changed ones replaced, vanished ones removed.

    Raises:
        ConfigError: `sources.toml` is damaged.
        JobError: no source names any file, or a glob cannot be used.
    """
    sources = load_sources(workspace.sources_file)
    yield Stage(name="collect", state="running", detail=f"{len(sources.source)} sources")
    survey = await asyncio.to_thread(_survey, sources.source, workspace)
    if not survey.found:
        raise _nothing(survey, workspace)

    known = await store.run(_known_files)
    documents = examples = 0
    for number, (key, item) in enumerate(sorted(survey.found.items()), start=1):
        if known.get(key) != (item.sha256, item.local_only):
            pieces, faults = await asyncio.to_thread(cut, item)
            survey.skipped.extend(faults)
            new_documents = list({d.id: d for d in (_document(item, piece) for piece in pieces)}.values())
            new_examples = list(
                {e.id: e for e in (_example(item, piece) for piece in pieces if piece.messages)}.values()
            )
            documents += len(new_documents)
            examples += len(new_examples)
            if not spec.dry_run:
                await _replace(store, key, new_documents, new_examples)
        yield Progress(done=number, total=len(survey.found), unit="files", label=item.path)
    gone = [key for key in known if key not in survey.found and key[0] not in survey.away]
    if not spec.dry_run:
        for key in gone:
            await _replace(store, key, [], [])

    for fault in survey.skipped:
        yield Log(level="warning", text=f"left out {fault.path}: {fault.reason}")
    verb = "would be stored" if spec.dry_run else "stored"
    detail = (
        f"{len(survey.found)} files, {documents} new documents {verb}, {examples} conversations as examples"
    )
    yield Stage(name="collect", state="done", detail=detail)
    yield Finished(
        summary=detail,
        result={
            "files": len(survey.found),
            "documents": documents,
            "examples": examples,
            "removed_files": len(gone),
            "skipped": [{"path": fault.path, "reason": fault.reason} for fault in survey.skipped],
        },
    )


def _survey(sources: tuple[Source, ...], workspace: Workspace) -> _Survey:
    survey = _Survey()
    for source in sources:
        survey.add(source, workspace.root / Path(source.root).expanduser())
    return survey


def _nothing(survey: _Survey, workspace: Workspace) -> JobError:
    file = workspace.relative(workspace.sources_file)
    reasons = "; ".join(f"{fault.path}: {fault.reason}" for fault in survey.skipped[:5])
    return JobError(
        f"There is nothing to collect: no file that {file} names can be read"
        + (f" ({reasons})." if reasons else "."),
        kept="Nothing was changed.",
        to_do=f"Put files where {file} looks, or change its roots and globs.",
    )


def cut(item: Found) -> tuple[list[Piece], list[Skipped]]:
    """Cut a file by what it is: functions, turns, rows or sections."""
    path = PurePosixPath(item.path)
    if code.is_code(path):
        return code.functions(path, item.text), []
    if path.suffix == ".json":
        return plan_json.examples(item.path, item.text)
    if path.suffix in {".md", ".markdown", ".txt"}:
        chat = markdown.conversation(item.text)
        return ([chat] if chat else markdown.sections(item.text)), []
    return [], [Skipped(item.path, f"no reader for {path.suffix or 'files without an extension'} yet")]


def _known_files(store: Store) -> dict[FileKey, Stamp]:
    return {(d.category, d.path): (d.sha256, d.local_only) for d in store.sources}


async def _replace(
    store: AsyncStore, key: FileKey, documents: list[SourceDocument], examples: list[Example]
) -> None:
    category, path = key

    def write(database: Store) -> None:
        keep = {document.id for document in documents}
        for old in database.sources.find(category=category, path=path):
            if old.id not in keep:
                database.sources.delete(old.id)
        database.sources.put_many(documents)
        # An example that is there already may carry a person's decision: it stays as it is.
        database.examples.put_many(example for example in examples if example.id not in database.examples)

    await store.write(write)


def _stable_id(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _document(item: Found, piece: Piece) -> SourceDocument:
    return SourceDocument(
        id=_stable_id("source", item.category, item.path, piece.kind, str(piece.lines[0]), piece.text),
        category=item.category,
        kind=piece.kind,
        title=piece.title,
        path=item.path,
        lines=piece.lines,
        language=piece.language,
        text=piece.text,
        sha256=item.sha256,
        local_only=item.local_only,
    )


def _example(item: Found, piece: Piece) -> Example:
    return Example(
        id=_stable_id("collected", item.category, piece.text),
        messages=piece.messages,
        category=item.category,
        provenance=Provenance(
            teacher="import",
            source_id=_document(item, piece).id,
            source_path=item.path,
            source_lines=piece.lines,
        ),
    )
