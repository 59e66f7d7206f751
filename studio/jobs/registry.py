"""The kinds of jobs: where each one's code is, and how it wants to be run. Importing this imports no job."""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from pydantic import BaseModel

from studio.jobs.events import Event


@dataclass(frozen=True)
class Kind:
    """A kind of job."""

    name: str
    module: str
    """Has `Spec` and `run`; a long one may have `prepare`, `title` and `need_bytes` as well."""
    long: bool = False
    """Runs as a process of its own; otherwise inside the program that asked."""
    heavy: bool = False
    """Loads a model: one at a time, unless its `need_bytes` is 0."""
    home: Literal["jobs", "checkpoints"] = "jobs"
    named_by: str | None = None
    """The field of the spec that names its folder; otherwise the job's id does."""


class KindModule(Protocol):
    """What the module of a kind has for sure."""

    Spec: type[BaseModel]

    def run(self, *arguments: Any) -> AsyncGenerator[Event, None]:
        """Yield what happens: `run(spec, job)` of a long kind, `run(spec, workspace, store)` of a short one."""


class UnknownKindError(KeyError):
    """There is no such kind of job."""


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("collect", "studio.jobs.collect.job"),
        Kind("generate", "studio.jobs.generate.job", long=True),
        Kind("enhance", "studio.jobs.enhance.job"),
        Kind("preview", "studio.jobs.generate.preview_job"),
        Kind("signals", "studio.jobs.signals.job"),
        Kind("review", "studio.jobs.review.job"),
        Kind("mend", "studio.jobs.review.mend_job"),
        Kind("judge", "studio.jobs.review.judge_job"),
        Kind("train", "studio.jobs.train.job", long=True, heavy=True, home="checkpoints", named_by="name"),
        Kind("validate", "studio.jobs.validate.job", long=True, heavy=True),
        Kind("deploy", "studio.jobs.deploy.job", long=True, heavy=True),
        Kind("rollback", "studio.jobs.deploy.rollback"),
        Kind("remove", "studio.jobs.deploy.remove"),
        Kind("chat", "studio.jobs.chat.job"),
        Kind("rehearsal", "studio.jobs.rehearsal.job", long=True, heavy=True),
    )
}


def kind_of(name: str) -> Kind:
    """Return the kind called `name`.

    Raises:
        UnknownKindError: there is none.
    """
    try:
        return KINDS[name]
    except KeyError as error:
        raise UnknownKindError(f"{name!r} is no kind of job; there are {', '.join(KINDS)}") from error


def load(name: str) -> KindModule:
    """Import the module of a kind.

    Raises:
        UnknownKindError: there is no such kind.
        ImportError: its module, or something that it needs, is not installed.
    """
    return cast(KindModule, importlib.import_module(kind_of(name).module))
