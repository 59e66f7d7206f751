"""What is where in the store's folder, and how a restored journal takes the place of the one before."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from store.files import Files

LOCK = "lock"
JOURNAL = "journal"
PARTIAL = "journal.partial"
"""A journal that is being restored; worth nothing until it has the next name."""
RESTORED = "journal.restored"
"""A complete restored journal that has not taken its place yet."""
BEFORE_RESTORE = "journal.before-restore"
PLAIN = "db.json"
"""Version 1: the file of plain TinyDB."""


def put_restored_in_place(files: Files, folder: Path) -> None:
    """Swap the complete journal in `journal.partial` for the one in use, which is kept under another name."""
    files.replace(folder / PARTIAL, folder / RESTORED)
    files.sync_folder(folder)
    finish_restore(files, folder)


def finish_restore(files: Files, folder: Path) -> None:
    """Do what a crash kept a restore from doing: its last step, or clearing away what it had not completed."""
    names = files.names(folder)
    if RESTORED in names:
        for name in (JOURNAL, PLAIN):
            if name in names:
                files.replace(folder / name, _free(files, folder, name))
        files.sync_folder(folder)
        files.replace(folder / RESTORED, folder / JOURNAL)
        files.sync_folder(folder)
    if PARTIAL in names:
        for name in files.names(folder / PARTIAL):
            files.remove(folder / PARTIAL / name)
        files.remove_folder(folder / PARTIAL)


def _free(files: Files, folder: Path, name: str) -> Path:
    taken = set(files.names(folder))
    stem = BEFORE_RESTORE if name == JOURNAL else f"{name}.before-restore"
    return folder / next(free for n in count(1) if (free := f"{stem}-{n}") not in taken)
