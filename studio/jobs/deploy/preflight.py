"""What must hold before a deployment begins: a server, a base it can import, an adapter, and room."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from studio.jobs.deploy.inputs import Inputs, Quantization, Spec
from studio.jobs.deploy.names import version_tag
from studio.jobs.deploy.routes import Base, Route, choose_route, read_base
from studio.jobs.events import JobError
from studio.jobs.process.context import JobContext
from studio.jobs.process.files import write_atomically
from studio.lm import ollama
from studio.lm.base import resolve_base
from studio.lm.embedded import EMBEDDED, embedded_gguf
from studio.lm.errors import ModelError
from studio.lm.ollama import Server

KEPT = "Nothing was written; the checkpoint and every earlier deployment are as they were."
_BYTES = {"f16": 2.0, "q8_0": 1.07, "q4_K_M": 0.65}
"""Of a parameter in the finished model, rounded up."""
_MARGIN = 200 * 2**20


_PLAN = "plan.json"


@dataclass(frozen=True)
class Ready:
    """All that the stages need, found and checked."""

    server: Server
    base: Base
    route: Route
    adapter: Path
    tag: str
    """The versioned tag that this job makes, the same when it runs again."""
    rooms: tuple[Room, ...]

    @property
    def detail(self) -> str:
        """One line for people."""
        space = ", ".join(f"needs {_gb(room.wanted)} of {_gb(room.free)} free" for room in self.rooms)
        way = "as a GGUF" if self.route == "gguf" else "as a folder"
        return f"Ollama {self.server.version}; {self.base.architecture} {way}; {space}"


@dataclass(frozen=True)
class Room:
    """Space wanted and there, in bytes, at one place."""

    folder: Path
    wanted: int
    free: int

    @property
    def enough(self) -> bool:
        """True where it fits."""
        return self.free >= self.wanted


async def preflight(spec: Spec, inputs: Inputs, job: JobContext) -> Ready:
    """Look at everything that can be known before the first byte is written.

    Raises:
        JobError: what is missing, and what to do.
    """
    server = await find_ollama(spec.host)
    base = find_base(inputs.run.base)
    route = choose_route(base, spec.route)
    adapter = job.workspace.inside(inputs.checkpoint.path)
    if not (adapter / "adapters.safetensors").is_file():
        raise JobError(
            f"The checkpoint's adapter is not at {inputs.checkpoint.path}.",
            kept=KEPT,
            to_do="Put its folder back, or deploy another checkpoint of the run.",
        )
    rooms = check_room(base, route, spec.quantization, job.folder, server)
    tag = await _tag(spec, inputs, job, server)
    return Ready(server, base, route, adapter, tag, tuple(rooms))


def find_base(name: str) -> Base:
    """Return the base that a run was trained on.

    Raises:
        JobError: it is not on this machine any more, or is no model.
    """
    try:
        return read_base(resolve_base(name), embedded_gguf() if name == EMBEDDED else None)
    except ModelError as error:
        raise JobError(error.what, kept=KEPT, to_do=error.to_do) from error


async def find_ollama(host: str | None) -> Server:
    """Return the server that the model goes to.

    Raises:
        JobError: none answers, or it is too old to take files.
    """
    server = await ollama.find_server(host, timeout_seconds=3)
    if server is None:
        address = host or os.environ.get("OLLAMA_HOST") or ollama.DEFAULT_HOST
        raise JobError(
            f"No Ollama server answers at {address}.",
            kept=KEPT,
            to_do="Start it with `ollama serve` (or open the Ollama app) and deploy again. Where it runs "
            "elsewhere, set OLLAMA_HOST. Without a server you can chat with the checkpoint as it is.",
        )
    if server.too_old:
        raise JobError(
            f"The Ollama server at {server.host} is {server.version}; models are made by files since 0.5.5.",
            kept=KEPT,
            to_do="Update Ollama, then deploy again.",
        )
    return server


def check_room(
    base: Base, route: Route, quantization: Quantization, job_folder: Path, server: Server
) -> list[Room]:
    """Return the space that each disk must have, the job's and, where it is ours, the server's.

    Raises:
        JobError: a disk has too little.
    """
    whole = base.parameters * 2
    own = whole if route == "folder" else 2 * whole
    servers = int(2 * whole + base.parameters * _BYTES[quantization])
    places = {job_folder: own}
    if ollama.is_local(server.host):
        store = _existing(Path(os.environ.get("OLLAMA_MODELS") or Path.home() / ".ollama" / "models"))
        if store.stat().st_dev == job_folder.stat().st_dev:
            places[job_folder] += servers
        else:
            places[store] = servers
    rooms = [Room(at, wanted + _MARGIN, shutil.disk_usage(at).free) for at, wanted in places.items()]
    for room in rooms:
        if not room.enough:
            raise JobError(
                f"The disk of {room.folder} has {_gb(room.free)} free; "
                f"this deployment needs {_gb(room.wanted)} while it works.",
                kept=KEPT,
                to_do="Make room (`ollama list` and `ollama rm` show and remove models), then deploy again.",
            )
    return rooms


async def _tag(spec: Spec, inputs: Inputs, job: JobContext, server: Server) -> str:
    """Choose a tag once and write it down: one that neither the store nor the server has."""
    plan = job.folder / _PLAN
    if plan.is_file():
        return str(json.loads(plan.read_text(encoding="utf-8"))["tag"])
    try:
        there = {model.name for model in await ollama.models(server.host)}
    except ollama.OllamaError as error:
        raise JobError(error.what, kept=KEPT, to_do="Restart Ollama, then deploy again.") from error
    taken = there | {deployment.tag for deployment in inputs.earlier}
    tag = version_tag(spec.tag, inputs.run.name, inputs.checkpoint.step, spec.quantization, taken)
    write_atomically(plan, json.dumps({"tag": tag}).encode())
    return tag


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
