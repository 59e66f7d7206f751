"""A file's bytes as text, and the stamp by which a later collect knows that it has not changed."""

from __future__ import annotations

import codecs
import hashlib
import os
from typing import NamedTuple

from studio.jobs.collect.files import Named
from studio.jobs.collect.grammars import GRAMMARS
from studio.jobs.collect.pieces import Skipped

MAX_BYTES = 2_000_000
"""A larger text or source file is data or generated, not something a person wrote to be learned from."""
MAX_LOG_BYTES = 256_000_000
"""Of a chat export, which holds years of conversations in one file."""

MAX_ARCHIVE_BYTES = 2_000_000_000
"""Of an export as a zip, most of which are pictures."""

ARCHIVE = ".zip"
PROSE = frozenset({".md", ".markdown", ".txt"})
LOGS = frozenset({".json", ".jsonl", ".ndjson"})

_CHUNK = 1 << 20


class Found(NamedTuple):
    """A readable file of one source."""

    named: Named
    sha256: str
    size: int
    """In bytes."""


def stamp(named: Named) -> Found | Skipped:
    """Hash a file; one that no reader takes, that is too large or binary is left out with the reason.

    Raises:
        OSError: it cannot be read now.
    """
    # By strings and descriptors: a Path for each of ten thousand files would take half of the time.
    ending = os.path.splitext(named.path)[1]  # noqa: PTH122
    suffix = ending.lower()
    if suffix not in PROSE and suffix not in LOGS and suffix != ARCHIVE and ending not in GRAMMARS:
        return Skipped(named.path, f"no reader for {suffix or 'files without an extension'}")
    most = {ARCHIVE: MAX_ARCHIVE_BYTES}.get(suffix, MAX_LOG_BYTES if suffix in LOGS else MAX_BYTES)
    file = os.open(named.place, os.O_RDONLY)
    try:
        if os.fstat(file).st_size > most:
            return Skipped(named.path, f"more than {most / 1e6:.0f} MB")
        part = os.read(file, _CHUNK)
        if b"\0" in part[:8192] and suffix != ARCHIVE and not _is_utf16(part):
            return Skipped(named.path, "binary")
        size, digest = len(part), hashlib.sha256(part)
        while part and size <= most and size >= _CHUNK:
            part = os.read(file, _CHUNK)
            size += len(part)
            digest.update(part)
    finally:
        os.close(file)
    if size > most:
        return Skipped(named.path, f"more than {most / 1e6:.0f} MB")
    return Found(named, digest.hexdigest(), size)


def text_of(path: str, content: bytes) -> str | Skipped:
    """Return what a file says, with the line ends that count here; or why it says nothing."""
    try:
        # Some editors put a mark in front that is no text.
        text = content.decode("utf-16" if _is_utf16(content) else "utf-8-sig")
    except UnicodeDecodeError as error:
        return Skipped(path, f"not UTF-8 (byte {error.start})")
    # Line ends of other systems would count twice, or not at all.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_utf16(content: bytes) -> bool:
    return content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
