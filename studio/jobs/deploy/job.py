"""The deploy job: fuse, import into Ollama, prove, and only then let the tag move."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path

from store.models import Deployment
from studio.jobs.deploy import server
from studio.jobs.deploy.fuse import make_fused, read_fused
from studio.jobs.deploy.gguf_file import write_gguf
from studio.jobs.deploy.inputs import Inputs, Spec, prepare, read_inputs
from studio.jobs.deploy.modelfile import Parameters, write_modelfile
from studio.jobs.deploy.names import moving_tag, with_current
from studio.jobs.deploy.preflight import Ready, preflight
from studio.jobs.deploy.proof import prove
from studio.jobs.deploy.reference import Reference, load_tokenizer
from studio.jobs.deploy.smoke import ask
from studio.jobs.deploy.stopping import StopAskedError, each_or_stop, or_stop
from studio.jobs.events import Event, Finished, JobError, Log, Sample, Saved, Stage
from studio.jobs.process.context import JobContext
from studio.jobs.process.files import write_atomically
from studio.lm.ollama import OllamaError

__all__ = ["STAGES", "Spec", "prepare", "run", "title"]

STAGES = ("preflight", "fuse", "gguf", "import", "quantize", "proof", "smoke", "tag")
"""In their order; `gguf` and `quantize` are left out where there is nothing to do for them."""

_STOPPED = "Stopped before the tag moved. Run the job again to go on; what is whole is not made again."


@dataclass
class _Clock:
    """How long each stage took, in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = 0.0

    def begin(self, name: str) -> Stage:
        self._since = time.monotonic()
        return Stage(name=name, state="running")

    def end(self, name: str, detail: str) -> Stage:
        self.seconds[name] = round(time.monotonic() - self._since, 2)
        return Stage(name=name, state="done", detail=f"{detail} ({self.seconds[name]:.1f} s)")


@dataclass(frozen=True)
class _Order:
    """One deployment on its way: what was asked, what was found, where its files lie."""

    spec: Spec
    inputs: Inputs
    job: JobContext
    ready: Ready
    reference: Reference

    @property
    def host(self) -> str:
        return self.ready.server.host

    @property
    def parameters(self) -> Parameters:
        return {**self.inputs.sampling.model_dump(), "stop": list(self.reference.stop_texts)}

    @property
    def template(self) -> str | None:
        return self.reference.template.go() if self.reference.template else None


def title(spec: Spec) -> str:
    """Return what the job is called in lists."""
    return f"Deploy to {spec.tag} as {spec.quantization}"


async def run(spec: Spec, job: JobContext) -> AsyncGenerator[Event, None]:
    """Deploy a checkpoint; the moving tag is copied last, when everything else has passed.

    Raises:
        JobError: what went wrong, what was kept, what to do; the job can then be run again.
    """
    inputs = read_inputs(job.folder)
    if _is_made(inputs, job):
        # Killed between the document and the end: only the end is missing.
        _clean(job.folder)
        yield Finished(summary=f"{moving_tag(spec.tag)} was moved before.", result={"tag": spec.tag})
        return
    try:
        async for event in _run(spec, inputs, job):
            yield event
    except StopAskedError:
        yield Finished(state="stopped", summary=_STOPPED)
    except OllamaError as error:
        raise server.import_failed(error) from error


async def _run(spec: Spec, inputs: Inputs, job: JobContext) -> AsyncGenerator[Event, None]:
    clock = _Clock()
    yield clock.begin("preflight")
    ready = await or_stop(preflight(spec, inputs, job), job.control)
    yield clock.end("preflight", ready.detail)

    fused = job.folder / "fused"
    reference = read_fused(fused)
    if reference is None:
        yield clock.begin("fuse")
        reference = make_fused(ready.base, ready.route, ready.adapter, inputs.system_prompt, fused)
        yield clock.end("fuse", f"{ready.base.parameters / 1e6:.0f} million parameters")
    else:
        yield Stage(name="fuse", state="skipped", detail="the fused weights are there from before")
    if reference.template is not None and reference.template.system is None:
        lost = f"{ready.base.folder.name} knows no system role: its replies do without the persona's prompt."
        yield Log(level="warning", text=lost)

    order = _Order(spec, inputs, job, ready, reference)
    files = {path.name: path for path in sorted(fused.iterdir()) if _imported(path)}
    if ready.route == "gguf":
        files = {"model.gguf": job.folder / "model.gguf"}
        yield clock.begin("gguf")
        size = write_gguf(_gguf(ready), fused, files["model.gguf"])
        yield clock.end("gguf", f"{size / 1e6:.0f} MB")

    digests: dict[str, str] = {}
    async for event in _import(order, files, digests, clock):
        yield event
    proofs: dict[str, str] = {}
    async for event in _prove(order, digests, proofs, clock):
        yield event
    async for event in _smoke(order, digests, proofs, clock):
        yield event

    yield clock.begin("tag")
    document = await _move_tag(order, digests, proofs)
    for earlier in with_current(inputs.earlier, None):
        yield Saved(table="deployments", document=earlier.model_dump(mode="json"))
    yield Saved(table="deployments", document=document.model_dump(mode="json"))
    _clean(job.folder)
    yield clock.end("tag", f"{moving_tag(spec.tag)} is {ready.tag}")
    yield Finished(
        summary=f"{ready.tag} answers in Ollama; {moving_tag(spec.tag)} points at it.",
        result={
            "deployment_id": document.id,
            "tag": ready.tag,
            "moving_tag": moving_tag(spec.tag),
            "digest": document.digest,
            "proofs": proofs,
            "seconds": clock.seconds,
        },
    )


async def _import(
    order: _Order, files: dict[str, Path], digests: dict[str, str], clock: _Clock
) -> AsyncGenerator[Event, None]:
    spec, control = order.spec, order.job.control
    yield clock.begin("import")
    digests.update(await or_stop(server.upload(order.host, files), control))
    recipe = server.Recipe(
        tag=order.ready.tag,
        quantize=None if spec.quantization == "f16" else spec.quantization,
        template=order.template,
        system=order.inputs.system_prompt,
        parameters=order.parameters,
    )
    if recipe.quantize:
        yield clock.end("import", f"{len(digests)} files are on the server")
        yield clock.begin("quantize")
    async for status in each_or_stop(server.create(order.host, recipe, digests), control):
        yield Log(text=f"Ollama: {status}")
    yield clock.end("quantize" if recipe.quantize else "import", f"{order.ready.tag} is made")
    modelfile = write_modelfile(
        origin=order.ready.tag,
        template=order.reference.template,
        system=order.inputs.system_prompt,
        parameters=order.parameters,
        comment=f"Makes {order.ready.tag} again or a changed copy of it: ollama create NAME -f Modelfile",
    )
    write_atomically(order.job.folder / "Modelfile", modelfile.encode())


async def _prove(
    order: _Order, digests: dict[str, str], proofs: dict[str, str], clock: _Clock
) -> AsyncGenerator[Event, None]:
    yield clock.begin("proof")
    checks = prove(
        order.host,
        order.ready.tag,
        order.reference,
        system=order.inputs.system_prompt,
        template=order.template,
        tokenizer=load_tokenizer(order.ready.base.folder),
    )
    failed: list[str] = []
    async for check in each_or_stop(checks, order.job.control):
        yield Log(
            level="info" if check.passed else "error",
            text=f"{'proved' if check.passed else 'not proved'}: {check.name}: {check.detail}",
        )
        proofs[check.name] = check.detail
        if not check.passed:
            failed.append(f"{check.name} ({check.detail})")
    if failed:
        yield Stage(name="proof", state="failed", detail="; ".join(failed))
        raise await _withdraw(order, digests, f"is not the model that was trained: {'; '.join(failed)}")
    yield clock.end("proof", f"{len(proofs)} checks passed")


async def _smoke(
    order: _Order, digests: dict[str, str], proofs: dict[str, str], clock: _Clock
) -> AsyncGenerator[Event, None]:
    yield clock.begin("smoke")
    replies: list[str] = []
    async for prompt, reply in each_or_stop(ask(order.host, order.ready.tag), order.job.control):
        yield Sample(step=order.inputs.checkpoint.step, prompt=prompt, reply=reply)
        replies.append(reply)
        if not reply:
            yield Stage(name="smoke", state="failed", detail=f"no answer to {prompt!r}")
            raise await _withdraw(order, digests, f"gives an empty answer to {prompt!r}")
    proofs["smoke"] = f"{len(replies)} prompts answered, {sum(map(len, replies))} characters"
    yield clock.end("smoke", proofs["smoke"])


async def _withdraw(order: _Order, digests: dict[str, str], why: str) -> JobError:
    """Take an import that failed its proof off the server; return what to tell."""
    await server.remove(order.host, order.ready.tag)
    await server.discard_upload(order.host, order.ready.tag, digests)
    (order.job.folder / "model.gguf").unlink(missing_ok=True)
    return JobError(
        f"{order.ready.tag} {why}.",
        kept=f"{moving_tag(order.spec.tag)} points where it pointed before; the failed import is removed. "
        "The fused weights are in the job's folder.",
        to_do="Chat with the checkpoint without Ollama to see whether it is sound. "
        "After updating Ollama, run this job again.",
    )


async def _move_tag(order: _Order, digests: dict[str, str], proofs: dict[str, str]) -> Deployment:
    tag = order.ready.tag
    digest = await server.digest_of(order.host, tag)
    await server.copy(order.host, tag, moving_tag(order.spec.tag))
    await server.discard_upload(order.host, tag, digests)
    return Deployment(
        id=order.inputs.deployment_id,
        tag=tag,
        checkpoint_id=order.inputs.checkpoint.id,
        run_id=order.inputs.run.id,
        digest=digest,
        quantization=order.spec.quantization,
        proofs=proofs,
    )


def _is_made(inputs: Inputs, job: JobContext) -> bool:
    """Say whether an earlier run of this job has recorded its deployment already."""
    saved = (item.event for item in job.previous() if isinstance(item.event, Saved))
    return any(event.document.get("id") == inputs.deployment_id for event in saved)


def _clean(folder: Path) -> None:
    shutil.rmtree(folder / "fused", ignore_errors=True)
    (folder / "model.gguf").unlink(missing_ok=True)


def _imported(path: Path) -> bool:
    """Say whether Ollama's importer wants this file of the fused folder; our own notes are not for it."""
    ours = {"reference.json", "complete.json", "model.safetensors.index.json"}
    return path.name not in ours and path.suffix in {".json", ".safetensors", ".model", ".jinja", ".txt"}


def _gguf(ready: Ready) -> Path:
    if ready.base.gguf is None:
        raise AssertionError("the route gguf is chosen only where there is a GGUF")
    return ready.base.gguf
