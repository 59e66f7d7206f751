"""A line to an Ollama server that stays open between questions: the first token need not wait for a connection."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from studio.lm import ollama
from studio.lm.ollama import OllamaError

if TYPE_CHECKING:
    from ollama import AsyncClient

_OPEN_SECONDS = 60.0
"""How long a connection without a question stays open."""
_WARM_SECONDS = 5.0


class Line:
    """The clients of one screen, by server. `close` it at the end."""

    def __init__(self) -> None:
        self._clients: dict[str, AsyncClient] = {}
        self._used: dict[str, float] = {}

    def client(self, host: str) -> AsyncClient:
        """Return the client of a server; it is not the caller's to close."""
        self._used[host] = time.monotonic()
        if host not in self._clients:
            # One to another machine may be cut without a word, as by the sleep of this one.
            idle = _OPEN_SECONDS if ollama.is_local(host) else None
            self._clients[host] = ollama.client(host, idle_seconds=idle)
        return self._clients[host]

    def is_warm(self, asked: str | None = None) -> bool:
        """Say whether a connection is open, or none can be."""
        try:
            host = ollama.resolve_host(asked)
        except OllamaError:
            return True
        return host in self._used and time.monotonic() - self._used[host] < _OPEN_SECONDS / 2

    async def warm(self, asked: str | None = None) -> None:
        """Connect where no connection is open; a server that is not there is told when it is asked."""
        if self.is_warm(asked):
            return
        host = ollama.resolve_host(asked)
        with suppress(OllamaError, TimeoutError), ollama.faults(host):
            async with asyncio.timeout(_WARM_SECONDS):
                await self.client(host).ps()

    async def close(self) -> None:
        """End all connections."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.close()  # type: ignore[no-untyped-call]
