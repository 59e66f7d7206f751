# ruff: noqa: N818 - the names say what is so
"""What can go wrong with a store, said so that a person knows what was kept and what to do."""

from __future__ import annotations


class StoreError(Exception):
    """The base of all errors of the store."""


class StoreLocked(StoreError):
    """Another process is writing this store; it can still be opened read-only."""


class StoreReadOnly(StoreError):
    """A change was asked of a store that was opened read-only."""


class StoreTooNew(StoreError):
    """The files were written by a newer version of the program than this one."""


class StoreWriteFailed(StoreError):
    """The disk did not take a change: nothing of it was kept, and all earlier changes were."""


class ArchiveDamaged(StoreError):
    """A backup is incomplete or its checksums do not fit; nothing was restored from it."""
