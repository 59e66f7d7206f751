"""The Ollama server: where it is, whether it answers, what it has. The client is imported when it is used."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from ollama import AsyncClient

DEFAULT_HOST = "http://127.0.0.1:11434"
CONNECT_SECONDS = 3.0
OLDEST_VERSION = (0, 5, 5)
"""The first server whose `create` takes files by digest."""


class OllamaError(Exception):
    """The server did not do what was asked; `host` is where it was asked."""

    def __init__(self, what: str, *, host: str) -> None:
        super().__init__(what)
        self.what = what
        self.host = host


class OllamaUnreachableError(OllamaError):
    """No server answers, or it stopped answering in the middle."""


class OllamaRefusedError(OllamaError):
    """The server answered with an error of its own; `status` is -1 for one in the middle of a stream."""

    def __init__(self, what: str, *, host: str, status: int) -> None:
        super().__init__(what, host=host)
        self.status = status


@dataclass(frozen=True)
class Server:
    """A server that answered."""

    host: str
    version: str

    @property
    def numbers(self) -> tuple[int, ...]:
        """The version's numbers, (0, 32, 15) for 0.32.15-rc1; (0, 0, 0) is a build without a version."""
        parts = self.version.split("-")[0].split("+")[0].split(".")
        return tuple(int(part) for part in parts if part.isdecimal())

    @property
    def too_old(self) -> bool:
        """True where `create` cannot take files yet."""
        return (0, 0, 0) != self.numbers < OLDEST_VERSION


@dataclass(frozen=True)
class Model:
    """A model that the server has on its disk."""

    name: str
    digest: str
    bytes: int
    family: str
    quantization: str
    modified_at: datetime | None


@dataclass(frozen=True)
class LoadedModel:
    """A model that the server holds in memory."""

    name: str
    bytes: int
    context_tokens: int | None


def resolve_host(asked: str | None = None, setting: str | None = None) -> str:
    """Return the server's address: the one asked for, else `OLLAMA_HOST`, the setting, the default.

    Takes the forms that Ollama takes (`:11500`, `0.0.0.0`, `box:11434`, `https://box`). An address that a
    server listens on but nobody can call (0.0.0.0, ::) becomes this machine's.

    Raises:
        OllamaError: what was given is no address.
    """
    given = (asked or os.environ.get("OLLAMA_HOST") or setting or "").strip()
    if not given:
        return DEFAULT_HOST
    scheme, separator, rest = given.partition("://")
    if not separator:
        scheme, rest = "http", given
    try:
        parts = urlsplit(f"//{rest}")
        name, asked_port = parts.hostname or "127.0.0.1", parts.port
    except ValueError as error:
        raise OllamaError(f"{given!r} is no address of a server: {error}.", host=given) from error
    if name in {"0.0.0.0", "::"}:  # noqa: S104 - it is replaced, not listened on
        name = "127.0.0.1"
    implied = {"http": 80, "https": 443} if separator else {}
    port = asked_port or implied.get(scheme, 11434)
    bracketed = f"[{name}]" if ":" in name else name
    return f"{scheme}://{bracketed}:{port}{parts.path.rstrip('/')}"


def is_local(host: str) -> bool:
    """Say whether the address is this machine's, so that its disk and memory are ours too."""
    name = urlsplit(host).hostname or ""
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


async def find_server(host: str | None = None, *, timeout_seconds: float = 1.0) -> Server | None:
    """Return the server, or None where none answers in time; never raises for an absent one.

    Asked without the client, whose import takes a second, and which has no call for the version.
    """
    try:
        address = resolve_host(host)
        return Server(address, await asyncio.to_thread(_version, address, timeout_seconds))
    except (OllamaError, OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return None


def client(host: str, *, read_seconds: float | None = None, idle_seconds: float | None = None) -> AsyncClient:
    """Return a client that connects within three seconds; reads wait without end unless a limit is given.

    A connection that nobody uses stays open for `idle_seconds`, by default five.

    A proxy from the environment is not asked for this machine's own server. Certificates are read only where
    the address is https: reading them takes longer than a short reply.
    """
    import httpx
    from ollama import AsyncClient

    timeout = httpx.Timeout(read_seconds, connect=CONNECT_SECONDS)
    secure = urlsplit(host).scheme == "https"
    more = {"limits": httpx.Limits(keepalive_expiry=idle_seconds)} if idle_seconds is not None else {}
    return AsyncClient(host=host, timeout=timeout, trust_env=not is_local(host), verify=secure, **more)


def load_client() -> None:
    """Import the client now, in whatever thread, so that the first question need not wait a second for it."""
    import ollama  # noqa: F401


@contextmanager
def faults(host: str) -> Iterator[None]:
    """Turn what the client raises into an OllamaError.

    Raises:
        OllamaUnreachableError: no connection, or one that was cut.
        OllamaRefusedError: an error that the server sent.
        OllamaError: an answer that is no JSON, as of a proxy or a reply cut in the middle.
    """
    import httpx
    import ollama

    try:
        yield
    except ollama.ResponseError as error:
        raise OllamaRefusedError(error.error, host=host, status=error.status_code) from error
    except httpx.TimeoutException as error:
        raise OllamaUnreachableError(f"Ollama at {host} does not answer in time.", host=host) from error
    except (httpx.TransportError, httpx.StreamError, ConnectionError) as error:
        raise OllamaUnreachableError(f"Ollama at {host} does not answer.", host=host) from error
    except (json.JSONDecodeError, httpx.HTTPError) as error:
        raise OllamaError(f"Ollama at {host} sent something that is no JSON: {error}", host=host) from error


async def models(host: str) -> tuple[Model, ...]:
    """Return the models on the server, in its own order: the newest first.

    Raises:
        OllamaError: the server cannot be asked.
    """
    with faults(host):
        async with client(host, read_seconds=10) as asked:
            listed = (await asked.list()).models
    return tuple(
        Model(
            name=entry.model or "",
            digest=entry.digest or "",
            bytes=int(entry.size or 0),
            family=(entry.details and entry.details.family) or "",
            quantization=(entry.details and entry.details.quantization_level) or "",
            modified_at=entry.modified_at,
        )
        for entry in listed
    )


async def loaded_models(host: str) -> tuple[LoadedModel, ...]:
    """Return the models that take up the server's memory now.

    Raises:
        OllamaError: the server cannot be asked.
    """
    with faults(host):
        async with client(host, read_seconds=10) as asked:
            running = (await asked.ps()).models
    return tuple(LoadedModel(m.model or m.name or "", int(m.size or 0), m.context_length) for m in running)


async def unload(host: str, name: str) -> None:
    """Ask the server to let a model go from memory; it stays on the disk.

    Raises:
        OllamaError: the server cannot be asked, or does not know the model.
    """
    with faults(host):
        async with client(host, read_seconds=30) as asked:
            await asked.generate(name, keep_alive=0)


async def has_blob(host: str, digest: str) -> bool:
    """Say whether the server has the file with this digest (`sha256:…`); the client has no call for it.

    Raises:
        OllamaUnreachableError: the server does not answer.
    """
    try:
        status, _ = await asyncio.to_thread(_ask, host, "HEAD", f"/api/blobs/{digest}", 10)
    except (OSError, http.client.HTTPException) as error:
        raise OllamaUnreachableError(f"Ollama at {host} does not answer.", host=host) from error
    return status == http.client.OK


def _version(host: str, timeout_seconds: float) -> str:
    _, body = _ask(host, "GET", "/api/version", timeout_seconds)
    return str(json.loads(body)["version"])


def _ask(host: str, method: str, path: str, timeout_seconds: float) -> tuple[int, bytes]:
    parts = urlsplit(host)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_seconds)
    try:
        connection.request(method, parts.path + path)
        response = connection.getresponse()
        return response.status, response.read(10_000)
    finally:
        connection.close()
