"""Opening the journal for writing: mend what a crash or a bad disk left, keep the evidence, say what was done."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from store.files import Files
from store.journal.opening import Opened, open_journal
from store.journal.segments import DAMAGED, SUFFIX, TEMPORARY, Segment
from store.journal.writer import JournalWriter, rewrite_segment

COPY_BYTES = 1 << 20


def recover(files: Files, folder: Path) -> tuple[Opened, JournalWriter, list[str]]:
    """Read the journal, mend it and open it for writing. The caller has the writer's lock.

    Returns what was read, the writer, and a note for people about each thing that had to be mended.
    """
    for name in files.names(folder):
        if name.endswith(TEMPORARY):
            files.remove(folder / name)
    opened = open_journal(files, folder)
    notes = describe(opened)
    segments = opened.segments
    for rewrite in opened.rewrites:
        if rewrite.damaged:
            kept = _set_aside(files, rewrite.segment)
            notes.append(f"The damaged file was kept as {kept}.")
        mended = rewrite_segment(files, rewrite.segment, rewrite.records)
        segments[segments.index(rewrite.segment)] = mended
    _cut_torn_end(files, opened, segments)
    for path in opened.leftovers:
        files.remove(path)
    if opened.leftovers:
        files.sync_folder(folder)
    return opened, JournalWriter(files, folder, segments), notes


def describe(opened: Opened) -> list[str]:
    """Return what was found wrong, one sentence or two each."""
    notes = [
        f"{rewrite.segment.path.name} was damaged: {rewrite.lost} of its records could not be read and "
        f"{len(rewrite.records)} were recovered; the store has {opened.documents} documents."
        for rewrite in opened.rewrites
        if rewrite.damaged
    ]
    if opened.torn_bytes:
        notes.append(
            f"The last change was cut off while it was written ({opened.torn_bytes} bytes) and dropped; "
            "it had not been acknowledged."
        )
    notes.extend(
        f"Files {first:08d}{SUFFIX} to {last:08d}{SUFFIX} of the journal are missing; "
        f"the store has {opened.documents} documents."
        for first, last in opened.missing
    )
    return notes


def _cut_torn_end(files: Files, opened: Opened, segments: list[Segment]) -> None:
    """Cut the torn end off the last segment with records; a rewritten one has none any more."""
    if not opened.torn_bytes or opened.torn_segment is None:
        return
    torn = opened.torn_segment
    if torn not in segments:
        return
    torn.size -= opened.torn_bytes
    handle = files.append_to(torn.path)
    try:
        handle.truncate(torn.size)
        handle.sync()
    finally:
        handle.close()


def _set_aside(files: Files, segment: Segment) -> Path:
    """Copy a damaged segment, byte by byte, to where no later opening touches it."""
    folder = segment.path.parent.parent / DAMAGED
    files.make_folder(folder)
    taken = set(files.names(folder))
    stem, suffix = segment.path.stem, segment.path.suffix
    target = folder / next(name for n in count(1) if (name := f"{stem}-{n}{suffix}") not in taken)
    handle = files.create(target)
    try:
        with files.read(segment.path) as source:
            while piece := source.read(COPY_BYTES):
                handle.append(piece)
        handle.sync()
    finally:
        handle.close()
    files.sync_folder(folder)
    return target
