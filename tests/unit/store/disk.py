"""A disk in memory that forgets what was not synced when its power goes."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import BinaryIO

from store.errors import StoreLocked
from store.files import AppendHandle, Files


class PowerLoss(BaseException):
    """The power went. Not an Exception, so that nothing can tidy up afterwards."""


_numbers = count(1)


@dataclass(eq=False)
class File:
    data: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    number: int = field(default_factory=lambda: next(_numbers))


@dataclass(eq=False)
class Folder:
    names: dict[str, File | Folder] = field(default_factory=dict)
    durable: dict[str, File | Folder] = field(default_factory=dict)
    number: int = field(default_factory=lambda: next(_numbers))


Keep = Callable[[File], bytes]


def nothing_unsynced(file: File) -> bytes:
    return file.durable


def everything(file: File) -> bytes:
    return bytes(file.data)


def _grown(file: File) -> int:
    """Return how many bytes the file has beyond the synced ones; 0 also where it was cut or written anew."""
    return len(file.data) - len(file.durable) if bytes(file.data).startswith(file.durable) else 0


def first_half(file: File) -> bytes:
    return bytes(file.data[: len(file.data) - _grown(file) // 2]) if _grown(file) else file.durable


def second_half(file: File) -> bytes:
    """The size and the later blocks arrived, the earlier blocks did not: a hole of zeros."""
    hole = _grown(file) // 2
    size = len(file.durable)
    return file.durable + bytes(hole) + bytes(file.data[size + hole :]) if _grown(file) else file.durable


@dataclass(frozen=True)
class Fate:
    """What of the un-synced there still is after the power came back."""

    name: str
    keep: Keep
    unsynced_names: bool


FATES = (
    Fate("nothing un-synced", nothing_unsynced, unsynced_names=False),
    Fate("everything", everything, unsynced_names=True),
    Fate("names without bytes", nothing_unsynced, unsynced_names=True),
    Fate("bytes without names", everything, unsynced_names=False),
    Fate("half the bytes", first_half, unsynced_names=True),
    Fate("the later half of the bytes", second_half, unsynced_names=True),
)


class FadingDisk(Files):
    """A file layer in memory. At operation `lose_at`, counted from 1, the power goes."""

    def __init__(self, lose_at: int | None = None, root: Folder | None = None) -> None:
        self.lose_at = lose_at
        self.operations = 0
        self.log: list[str] = []
        self.root = root or Folder()
        self.locked: set[Path] = set()
        self.fault: Callable[[str, Path], None] = lambda _operation, _path: None

    def step(self, operation: str, path: Path) -> None:
        self.operations += 1
        self.log.append(f"{operation} {path.name}")
        if self.lose_at is not None and self.operations >= self.lose_at:
            raise PowerLoss(self.log[-1])
        self.fault(operation, path)

    def after_power_loss(self, fate: Fate, lose_at: int | None = None) -> FadingDisk:
        """Return the disk as it is found again."""

        def found(node: File | Folder) -> File | Folder:
            if isinstance(node, File):
                data = fate.keep(node)
                return File(bytearray(data), data)
            names = {n: found(c) for n, c in (node.names if fate.unsynced_names else node.durable).items()}
            return Folder(names, dict(names))

        root = found(self.root)
        assert isinstance(root, Folder)
        return FadingDisk(lose_at, root)

    # Reading

    def _find(self, path: Path) -> File | Folder | None:
        node: File | Folder | None = self.root
        for part in path.parts[1:]:
            node = node.names.get(part) if isinstance(node, Folder) else None
        return node

    def _folder(self, path: Path) -> Folder:
        node = self._find(path)
        if not isinstance(node, Folder):
            raise FileNotFoundError(path)
        return node

    def _file(self, path: Path) -> File:
        node = self._find(path)
        if not isinstance(node, File):
            raise FileNotFoundError(path)
        return node

    def exists(self, path: Path) -> bool:
        return self._find(path) is not None

    def names(self, folder: Path) -> list[str]:
        node = self._find(folder)
        return sorted(node.names) if isinstance(node, Folder) else []

    def identity(self, path: Path) -> int | None:
        node = self._find(path)
        return node.number if node else None

    def read(self, path: Path) -> BinaryIO:
        return io.BytesIO(bytes(self._file(path).data))

    # Changing

    def make_folder(self, folder: Path) -> None:
        for parent in [*reversed(folder.parents), folder]:
            if self._find(parent) is None:
                self.step("make_folder", parent)
                self._folder(parent.parent).names[parent.name] = Folder()
                self.sync_folder(parent.parent)

    def create(self, path: Path) -> AppendHandle:
        self.step("create", path)
        folder = self._folder(path.parent)
        file = folder.names.get(path.name)
        if not isinstance(file, File):
            file = folder.names[path.name] = File()
        file.data = bytearray()
        return MemoryHandle(self, file, path)

    def append_to(self, path: Path) -> AppendHandle:
        return MemoryHandle(self, self._file(path), path)

    def replace(self, source: Path, target: Path) -> None:
        self.step("replace", source)
        node = self._folder(source.parent).names.pop(source.name)
        self._folder(target.parent).names[target.name] = node

    def remove(self, path: Path) -> None:
        self.step("remove", path)
        self._folder(path.parent).names.pop(path.name, None)

    def remove_folder(self, folder: Path) -> None:
        self.step("remove_folder", folder)
        assert not self._folder(folder).names
        del self._folder(folder.parent).names[folder.name]

    def sync_folder(self, folder: Path) -> None:
        self.step("sync_folder", folder)
        node = self._folder(folder)
        node.durable = dict(node.names)

    def lock(self, path: Path) -> AppendHandle:
        if path in self.locked:
            raise StoreLocked("locked")
        self.locked.add(path)
        return MemoryLock(self, path)


def disk_with(files: Mapping[Path, bytes]) -> FadingDisk:
    """Return a disk on which these files are, durably."""
    disk = FadingDisk()
    for path, data in files.items():
        disk.make_folder(path.parent)
        disk._folder(path.parent).names[path.name] = File(bytearray(data), data)
        disk.sync_folder(path.parent)
    disk.operations = 0
    return disk


class MemoryHandle(AppendHandle):
    def __init__(self, disk: FadingDisk, file: File, path: Path) -> None:
        self._disk, self._file, self._path = disk, file, path

    def append(self, data: bytes) -> None:
        try:
            self._disk.step("append", self._path)
        except PowerLoss:
            self._file.data += data
            raise
        except OSError:
            self._file.data += data[: len(data) // 2]
            raise
        self._file.data += data

    def sync(self) -> None:
        self._disk.step("sync", self._path)
        self._file.durable = bytes(self._file.data)

    def truncate(self, size: int) -> None:
        self._disk.step("truncate", self._path)
        del self._file.data[size:]

    def close(self) -> None:
        pass


class MemoryLock(AppendHandle):
    def __init__(self, disk: FadingDisk, path: Path) -> None:
        self._disk, self._path = disk, path

    def close(self) -> None:
        self._disk.locked.discard(self._path)
