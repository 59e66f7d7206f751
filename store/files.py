"""The few file operations the store is built on, in one object, so that tests can put a failing disk in its place."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from pathlib import Path
from typing import BinaryIO

from store.errors import StoreLocked

READ_BUFFER = 1 << 20


class AppendHandle:
    """An open file that only grows, or is cut back to where it was."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def append(self, data: bytes) -> None:
        """Write all of `data` at the end of the file. Raises OSError, with any part of it written."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def sync(self) -> None:
        """Return when everything appended so far is on the disk itself. Raises OSError."""
        if sys.platform == "darwin":
            # fsync on macOS stops at the drive's cache; only F_FULLFSYNC asks the drive to empty it.
            try:
                fcntl.fcntl(self._fd, fcntl.F_FULLFSYNC)
            except OSError as error:
                if error.errno not in (errno.ENOTSUP, errno.EINVAL, errno.ENOTTY):
                    raise
                os.fsync(self._fd)
        else:
            os.fdatasync(self._fd)

    def truncate(self, size: int) -> None:
        """Cut the file back to `size` bytes. Raises OSError."""
        os.ftruncate(self._fd, size)

    def close(self) -> None:
        """Give the file back; what is not synced is left to the system."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Files:
    """The real file system. Everything it makes is for its owner only: files 0600, folders 0700."""

    def make_folder(self, folder: Path) -> None:
        """Make `folder` and its parents; an existing one is closed to others."""
        if not folder.is_dir():
            self.make_folder_entry(folder)
        elif folder.stat().st_mode & 0o077:
            folder.chmod(0o700)

    def make_folder_entry(self, folder: Path) -> None:
        """Make a folder that is not there yet and put its entry on the disk."""
        folder.mkdir(parents=True, mode=0o700)
        self.sync_folder(folder.parent)

    def exists(self, path: Path) -> bool:
        """Return whether something is at `path`."""
        return path.exists()

    def names(self, folder: Path) -> list[str]:
        """Return the sorted names of what is in `folder`; an absent folder is empty."""
        try:
            return sorted(path.name for path in folder.iterdir())
        except FileNotFoundError:
            return []

    def identity(self, path: Path) -> int | None:
        """Return a number that changes when `path` is replaced by another file; None when it is absent."""
        try:
            return path.stat().st_ino
        except FileNotFoundError:
            return None

    def read(self, path: Path) -> BinaryIO:
        """Open a file for reading from its beginning. Raises FileNotFoundError."""
        return path.open("rb", buffering=READ_BUFFER)

    def create(self, path: Path) -> AppendHandle:
        """Make an empty file, emptying one that is there, and open it for appending."""
        return self._open(path, os.O_CREAT | os.O_TRUNC)

    def append_to(self, path: Path) -> AppendHandle:
        """Open an existing file for appending. Raises FileNotFoundError."""
        return self._open(path, 0)

    def replace(self, source: Path, target: Path) -> None:
        """Give `source` the name `target` at once, in place of what had it; not durable until `sync_folder`."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        """Remove a file; not durable until `sync_folder`."""
        path.unlink(missing_ok=True)

    def remove_folder(self, folder: Path) -> None:
        """Remove an empty folder; not durable until `sync_folder` of its parent."""
        folder.rmdir()

    def sync_folder(self, folder: Path) -> None:
        """Return when names made, changed and removed in `folder` are on the disk."""
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def lock(self, path: Path) -> AppendHandle:
        """Take the writer's lock; the kernel frees it when the process ends, so that it is never stale.

        Raises StoreLocked when another process, or another store of this one, has it.
        """
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(fd, 32).decode("ascii", "replace").strip()
            os.close(fd)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise StoreLocked(
                f"{who} has this workspace open and writes it; open it read-only, or close the other one first"
            ) from None
        try:
            os.ftruncate(fd, 0)
            os.write(fd, b"%d\n" % os.getpid())
        except OSError:
            pass  # the pid is only for the message; a full disk must not keep anybody out
        return AppendHandle(fd)

    def _open(self, path: Path, flags: int) -> AppendHandle:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | flags, 0o600)
        os.fchmod(fd, 0o600)
        return AppendHandle(fd)
