"""Private files that are on the disk when we say so."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def sync(descriptor: int) -> None:
    """Return when the file's bytes are on the disk itself.

    On macOS `fsync` leaves them in the drive's cache; `F_FULLFSYNC` does not.

    Raises:
        OSError: the disk is full, gone or broken; the bytes must not be counted as written.
    """
    if sys.platform == "darwin":
        # Network and foreign file systems refuse F_FULLFSYNC; fsync is then the best there is.
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Return when the folder's entries (new files, renames) are on the disk.

    Raises:
        OSError: as `sync`.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def open_private(path: Path, flags: int) -> int:
    """Open a file that only its owner may read, also where it was made with wider permissions.

    Raises:
        OSError: as `os.open`.
    """
    descriptor = os.open(path, flags | os.O_CLOEXEC, PRIVATE_FILE)
    if os.fstat(descriptor).st_mode & 0o077:
        os.fchmod(descriptor, PRIVATE_FILE)
    return descriptor


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace `path` as a whole: a reader sees the old content or the new.

    A durable one is on the disk when this returns; after a power cut, too, it is the old content or the new.

    Raises:
        OSError: nothing was replaced.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = open_private(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                sync(file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)
