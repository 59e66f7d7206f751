"""The collect job: reads what `sources.toml` names and stores it as source documents and examples."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from functools import partial

from pydantic import BaseModel, ConfigDict

from store.live import AsyncStore
from studio.config.sources import HERE, Sources, add_folders, load_sources
from studio.jobs.collect.cut import Cut, cut_file
from studio.jobs.collect.keep import Harvest, Known, count_new, harvest, known_files, write
from studio.jobs.collect.listing import Told, lines
from studio.jobs.collect.pieces import Skipped
from studio.jobs.collect.reading import Found
from studio.jobs.collect.survey import FileKey, Survey, categories, shown
from studio.jobs.events import Event, Finished, JobError, Log, Progress, Stage
from studio.workspace import Workspace

_BATCH = 400
"""Documents that are written together: one write is one wait for the disk."""
_SAY_SECONDS = 0.2
_LARGE = 1_000_000
"""Bytes of a file that takes seconds to cut."""
_MOST_CHANGES = 2_000
"""Files that the result names; the figures count all."""


class Spec(BaseModel):
    """What to collect."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dry_run: bool = False
    """Report what would be stored, and store nothing."""
    folders: tuple[str, ...] = ()
    """More folders for sources without a root of their own, as `sources.toml` would name them. They are remembered
    there, unless it is a dry run."""


async def run(spec: Spec, workspace: Workspace, store: AsyncStore) -> AsyncIterator[Event]:
    """Read all sources; unchanged files are kept, changed ones replaced, vanished ones removed.

    Raises:
        ConfigError: `sources.toml` is damaged.
        JobError: no source names any file, a folder is not there, or a glob cannot be used.
    """
    sources = await asyncio.to_thread(_sources, spec, workspace)
    if spec.folders and not spec.dry_run:
        for folder in await asyncio.to_thread(add_folders, workspace.sources_file, spec.folders):
            yield Log(
                text=f"{folder} is one of the folders in {workspace.relative(workspace.sources_file)} now"
            )
    yield Stage(name="collect", state="running", detail=f"{len(sources.source)} sources")
    survey = Survey()
    looking = asyncio.create_task(asyncio.to_thread(survey.take, workspace, sources))
    while not (await asyncio.wait([looking], timeout=_SAY_SECONDS))[0]:
        yield Progress(done=survey.looked_at, unit="files", label="looking")
    await looking
    if not survey.found:
        raise _nothing(survey, workspace)

    raws = await store.run(lambda database: database.sources.raws())
    known = await asyncio.to_thread(known_files, raws)
    told = Told(skipped=survey.skipped)
    for category in categories(sources.source):
        told.tally(category)
    todo = []
    for key, found in survey.found.items():
        told.tally(key[0]).files += 1
        if (stored := known.get(key)) is None or not stored.is_of(found):
            todo.append((key, found))
    async for progress in _take_in(todo, known, told, store, spec):
        yield progress
    total = len(survey.found)
    yield Progress(done=total, total=total, unit="files")
    gone = [key for key in known if key not in survey.found and not survey.may_come_back(key)]
    for key in gone:
        told.change(shown(key[1], key[2]), key[0], "removed")
    if gone and not spec.dry_run:
        await store.write(partial(write, harvests=[Harvest(key, old=tuple(known[key].ids)) for key in gone]))

    for line in lines(told, preview=spec.dry_run):
        yield line
    detail = _summary(told, total, spec)
    yield Stage(name="collect", state="done", detail=detail)
    yield Finished(summary=detail, result=_result(told, total, len(gone)))


def _sources(spec: Spec, workspace: Workspace) -> Sources:
    sources = load_sources(workspace.sources_file)
    if not spec.folders:
        return sources
    folders = tuple(dict.fromkeys((*(sources.folders or (HERE,)), *spec.folders)))
    return sources.model_copy(update={"folders": folders})


async def _take_in(
    todo: list[tuple[FileKey, Found]], known: dict[FileKey, Known], told: Told, store: AsyncStore, spec: Spec
) -> AsyncIterator[Progress]:
    """Read, cut and store files, many in one write."""
    loop = asyncio.get_running_loop()
    waiting: list[Harvest] = []
    said = 0.0
    for number, (key, found) in enumerate(todo, start=1):
        if found.size > _LARGE:
            # A chat export of years takes minutes: say at least which file it is.
            yield Progress(done=number - 1, total=len(todo), unit="files", label=key[2])
        taken = await asyncio.to_thread(cut_file, found)
        if isinstance(taken, Skipped):
            told.skipped.append(replace(taken, path=shown(key[1], taken.path)))
            # What cannot be read now may be there again; what was cut from it stays till then.
            continue
        fresh, made = taken
        stored = known.get(key)
        each = harvest(key, fresh, made.pieces, stored)
        new_examples = await store.run(partial(count_new, harvests=[each]))
        _tell(told, key, made, each, new_examples, changed=stored is not None)
        waiting.append(each)
        if not spec.dry_run and sum(len(h.documents) + 1 for h in waiting) >= _BATCH:
            await store.write(partial(write, harvests=waiting))
            waiting = []
        if loop.time() - said > _SAY_SECONDS:
            said = loop.time()
            yield Progress(done=number, total=len(todo), unit="files", label=key[2])
    if not spec.dry_run and waiting:
        await store.write(partial(write, harvests=waiting))


def _tell(told: Told, key: FileKey, made: Cut, each: Harvest, new_examples: int, *, changed: bool) -> None:
    category, root, path = key
    place = shown(root, path)
    told.skipped += [replace(fault, path=shown(root, fault.path)) for fault in made.skipped]
    told.held += [replace(held, path=shown(root, held.path)) for held in made.held]
    told.marked += [replace(mark, path=shown(root, mark.path)) for mark in made.marked]
    if each.documents or changed:
        told.change(place, category, "changed" if changed else "new", len(each.documents), new_examples)


def _summary(told: Told, files: int, spec: Spec) -> str:
    documents = sum(tally.documents for tally in told.categories.values())
    examples = sum(tally.examples for tally in told.categories.values())
    verb = "would be stored" if spec.dry_run else "stored"
    said = f"{files:,} files, {documents:,} new documents {verb}, {examples:,} conversations as examples"
    held = len({(held.path, held.conversation) for held in told.held})
    if held:
        said += f"; {held:,} held back for what looks like a secret"
    return said + (f"; {len(told.skipped):,} left out" if told.skipped else "")


def _result(told: Told, files: int, gone: int) -> dict[str, object]:
    return {
        "files": files,
        "documents": sum(tally.documents for tally in told.categories.values()),
        "examples": sum(tally.examples for tally in told.categories.values()),
        "removed_files": gone,
        "categories": {name: asdict(tally) for name, tally in told.categories.items()},
        "changes": [asdict(change) for change in told.changes[:_MOST_CHANGES]],
        "skipped": [asdict(fault) for fault in told.skipped],
        "held": [asdict(held) for held in told.held],
        "personal": [asdict(mark) for mark in told.marked],
    }


def _nothing(survey: Survey, workspace: Workspace) -> JobError:
    file = workspace.relative(workspace.sources_file)
    reasons = "; ".join(f"{fault.path}: {fault.reason}" for fault in survey.skipped[:5])
    return JobError(
        f"There is nothing to collect: no file that {file} names can be read"
        + (f" ({reasons})." if reasons else "."),
        kept="Nothing was changed.",
        to_do=f"Put files where {file} looks, change its roots and globs, or name a folder: collect FOLDER.",
    )
