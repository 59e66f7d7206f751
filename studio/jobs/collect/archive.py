"""Chat exports as they are downloaded: a zip, of which only the files with conversations are read."""

from __future__ import annotations

import fnmatch
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from studio.jobs.collect.pieces import Skipped

_LOGS = ("conversations*.json", "*.jsonl")
"""Names of the files with conversations; the others have accounts, settings and pictures."""
_MOST_FILES = 10_000
_DAMAGE = (
    *(RuntimeError, NotImplementedError, EOFError, OSError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What unpacking raises, for a wrong password as well."""


def logs(place: Path, path: str, most: int) -> Iterator[tuple[str, bytes] | Skipped]:
    """Yield the files of conversations in a zip with their content, and what is left out with the reason.

    Nothing is written to the disk, and no name in the zip is ever a path on it.

    Args:
        place: where the zip is.
        path: what it is called in what is told.
        most: bytes of one file that are read at most; a small zip may hold very much.
    """
    try:
        with zipfile.ZipFile(place) as archive:
            found = [each for each in archive.infolist()[:_MOST_FILES] if _is_log(each.filename)]
            if not found:
                yield Skipped(path, "a zip without conversations*.json or *.jsonl in it")
            for each in found:
                name = f"{path}/{each.filename}"
                if each.file_size > most:
                    yield Skipped(name, f"more than {most / 1e6:.0f} MB")
                    continue
                try:
                    with archive.open(each) as file:
                        content = file.read(most + 1)
                except _DAMAGE as error:
                    yield Skipped(name, f"it cannot be unpacked: {str(error)[:80]}")
                    continue
                yield (
                    (name, content)
                    if len(content) <= most
                    else Skipped(name, f"more than {most / 1e6:.0f} MB")
                )
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        yield Skipped(path, f"no zip that can be read: {str(error)[:80]}")


def _is_log(name: str) -> bool:
    last = PurePosixPath(name).name
    return any(fnmatch.fnmatchcase(last, pattern) for pattern in _LOGS) and not name.startswith("__MACOSX/")
