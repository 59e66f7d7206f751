"""Ordering a long job: its folder with what was asked and what it needs, before any process is started."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from store.live import AsyncStore
from store.models import new_id
from studio.jobs.events import JobError
from studio.jobs.process.folder import JobFolder, JobHeader, checked_name
from studio.jobs.process.queue import enqueue
from studio.jobs.registry import Kind, kind_of, load
from studio.workspace import Workspace


async def order(
    workspace: Workspace, store: AsyncStore, kind: str, spec: BaseModel, title: str | None
) -> JobFolder:
    """Make the folder of a job that waits to be started.

    Raises:
        UnknownKindError, ValueError: there is no such long kind.
        JobError: a folder of its name is there, or `prepare` refuses the order; no folder is left.
    """
    described = kind_of(kind)
    if not described.long:
        raise ValueError(f"{kind} is a short job: it is streamed, not started")
    module = cast(Any, load(kind))
    job_id = new_id()
    folder, spec = _place(workspace, described, spec, job_id)
    asked = spec.model_dump(mode="json", exclude_none=True)
    if module.Spec.model_validate(asked) != spec:
        raise ValueError(f"the Spec of {kind} loses something in job.toml, which cannot say None")
    need = module.need_bytes(spec, workspace) if hasattr(module, "need_bytes") else None
    folder.make()
    try:
        if hasattr(module, "prepare"):
            await module.prepare(spec, workspace, store, folder.path)
        enqueue(folder)
        folder.write_header(
            JobHeader(
                id=job_id,
                kind=kind,
                title=title or (module.title(spec) if hasattr(module, "title") else kind.capitalize()),
                heavy=described.heavy and need != 0,
                need_bytes=need,
                spec=asked,
            )
        )
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    return folder


def _place(workspace: Workspace, kind: Kind, spec: BaseModel, job_id: str) -> tuple[JobFolder, BaseModel]:
    home = workspace.checkpoints if kind.home == "checkpoints" else workspace.jobs
    if kind.named_by is None:
        return JobFolder(home / job_id), spec
    name = getattr(spec, kind.named_by)
    if not name:
        name = _free_name(home)
        spec = spec.model_copy(update={kind.named_by: name})
    if (home / checked_name(name)).exists():
        raise JobError(
            f"there is a run {name} already",
            kept="it was left as it is",
            to_do="Resume it, or choose another name.",
        )
    return JobFolder(home / name), spec


def _free_name(home: Path) -> str:
    return next(name for number in itertools.count(1) if not (home / (name := f"r{number}")).exists())
