"""What a deployment asks of Ollama: files in, a model made, shown, copied and removed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studio.jobs.deploy.modelfile import Parameters
from studio.jobs.events import JobError
from studio.lm import ollama
from studio.lm.ollama import OllamaError, OllamaRefusedError, OllamaUnreachableError

if TYPE_CHECKING:
    from ollama import AsyncClient

_CREATE_SECONDS = 3600.0
"""Silence allowed while the server converts or quantizes: it says nothing during a big layer."""


@dataclass(frozen=True)
class Recipe:
    """A model to be made from uploaded files."""

    tag: str
    quantize: str | None
    template: str | None
    system: str
    parameters: Parameters


async def upload(host: str, files: Mapping[str, Path]) -> dict[str, str]:
    """Send files to the server; return their digests by name. What the server has already is not sent.

    Raises:
        OllamaError: the server cannot take them.
        OSError: a file cannot be read.
    """
    digests: dict[str, str] = {}
    with ollama.faults(host):
        async with ollama.client(host, read_seconds=_CREATE_SECONDS) as asked:
            for name, path in files.items():
                digest = await asyncio.to_thread(_sha256, path)
                # A server that has the file closes the connection at once, which looks like a fault.
                if not await ollama.has_blob(host, digest):
                    await asked.create_blob(path)
                digests[name] = digest
    return digests


async def create(host: str, recipe: Recipe, digests: Mapping[str, str]) -> AsyncGenerator[str, None]:
    """Make the model from uploaded files; yield what the server says it does.

    Raises:
        OllamaError: the server refuses, or stops answering.
    """
    last = ""
    with ollama.faults(host):
        async with ollama.client(host, read_seconds=_CREATE_SECONDS) as asked:
            stream = await asked.create(
                recipe.tag,
                files=dict(digests),
                quantize=recipe.quantize,
                template=recipe.template,
                system=recipe.system,
                parameters=dict(recipe.parameters),
                stream=True,
            )
            async for step in stream:
                if step.status and step.status != last:
                    last = step.status
                    yield last
    if last != "success":
        raise OllamaUnreachableError(f"Ollama at {host} broke off after {last or 'nothing'!r}.", host=host)


async def digest_of(host: str, tag: str) -> str | None:
    """Return the digest of a tag, None where the server has no such tag.

    Raises:
        OllamaError: the server cannot be asked.
    """
    return next((model.digest for model in await ollama.models(host) if model.name == tag), None)


async def copy(host: str, origin: str, target: str) -> None:
    """Let the tag `target` point at what `origin` is; an older `target` is replaced.

    Raises:
        OllamaError: the server has no `origin`, or cannot be asked.
    """
    with ollama.faults(host):
        async with ollama.client(host, read_seconds=60) as asked:
            await asked.copy(origin, target)


async def remove(host: str, tag: str) -> bool:
    """Remove a tag with what only it uses; return False where there was none.

    Raises:
        OllamaError: the server cannot be asked.
    """
    try:
        with ollama.faults(host):
            async with ollama.client(host, read_seconds=60) as asked:
                await asked.delete(tag)
    except OllamaRefusedError as error:
        if error.status == 404:
            return False
        raise
    return True


async def discard_upload(host: str, tag: str, digests: Mapping[str, str]) -> None:
    """Free the server's disk of an uploaded GGUF that no model uses: the API can't remove a blob by itself.

    A model is made of it under a name of its own and removed again, and the file goes with it. Safetensors
    cannot be freed so, and a refusal is left at that: the server prunes what nothing uses at a later start.
    """
    holder = f"{tag}.discard"
    with suppress(OllamaError):
        unused = {
            name: digest
            for name, digest in digests.items()
            if name.endswith(".gguf") and await ollama.has_blob(host, digest)
        }
        with ollama.faults(host):
            async with ollama.client(host, read_seconds=_CREATE_SECONDS) as asked:
                if not unused or await _is_used(asked, tag, unused.values()):
                    return
                await asked.create(holder, files=unused)
        await remove(host, holder)


async def _is_used(asked: AsyncClient, tag: str, digests: Iterable[str]) -> bool:
    """Say whether a model is made of these very files; its Modelfile names their paths."""
    from ollama import ResponseError

    try:
        told = (await asked.show(tag)).modelfile or ""
    except ResponseError:
        return False
    return all(digest.removeprefix("sha256:") in told for digest in digests)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def import_failed(error: OllamaError) -> JobError:
    """Return what to tell when the server failed in the middle of an import."""
    gone = isinstance(error, OllamaUnreachableError)
    return JobError(
        f"{error.what}{' It went away during the import.' if gone else ''}",
        kept="The fused weights are in the job's folder; `latest` points where it pointed before.",
        to_do="Start Ollama again (`ollama serve`), then run this job again: it goes on at the import."
        if gone
        else "Ollama's own log says more (`ollama serve` prints it). Update Ollama or choose another "
        "quantization, then run this job again.",
    )
