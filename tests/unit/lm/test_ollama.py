"""Where the Ollama server is, and whether it answers."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest

from studio.lm import ollama
from tests.fixtures.ollama import OllamaServer, free_port
from tests.fixtures.replayer import replaying


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("", "http://127.0.0.1:11434"),
        ("127.0.0.1:11500", "http://127.0.0.1:11500"),
        (":11500", "http://127.0.0.1:11500"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("[::]:11500", "http://127.0.0.1:11500"),
        ("[::1]:11500", "http://[::1]:11500"),
        ("box.local", "http://box.local:11434"),
        ("http://box.local", "http://box.local:80"),
        ("https://box.local", "https://box.local:443"),
        ("https://box.local/ollama/", "https://box.local:443/ollama"),
        ("  box:1  ", "http://box:1"),
    ],
)
def test_an_address_is_read_as_ollama_reads_it(
    monkeypatch: pytest.MonkeyPatch, given: str, host: str
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", given)

    assert ollama.resolve_host() == host


def test_what_is_asked_for_comes_before_the_environment_and_that_before_the_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "env")
    assert ollama.resolve_host("asked", "setting") == "http://asked:11434"
    assert ollama.resolve_host(None, "setting") == "http://env:11434"
    monkeypatch.delenv("OLLAMA_HOST")
    assert ollama.resolve_host(None, "setting") == "http://setting:11434"


@pytest.mark.parametrize("given", ["box:port", "http://[::1", "box:99999"])
def test_what_is_no_address_is_said_to_be_none(given: str) -> None:
    with pytest.raises(ollama.OllamaError, match="no address"):
        ollama.resolve_host(given)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("http://box", False),
        ("http://10.0.0.1", False),
    ],
)
def test_a_server_of_this_machine_is_known_by_its_address(host: str, local: bool) -> None:
    assert ollama.is_local(host) is local


async def test_an_absent_server_is_no_error_and_costs_no_wait() -> None:
    began = time.monotonic()

    assert await ollama.find_server(f"http://127.0.0.1:{free_port()}") is None
    assert await ollama.find_server("box:port") is None
    assert time.monotonic() - began < 1


async def test_a_server_that_accepts_and_says_nothing_is_given_up_in_time() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        began = time.monotonic()
        assert await ollama.find_server(f"http://127.0.0.1:{port}", timeout_seconds=0.2) is None
        assert time.monotonic() - began < 2


async def test_the_version_is_asked_without_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ollama", raising=False)
    async with replaying() as server:
        found = await ollama.find_server(server.host)

    assert found == ollama.Server(server.host, "0.32.15")
    assert "ollama" not in sys.modules


@pytest.mark.parametrize(
    ("version", "too_old"), [("0.5.4", True), ("0.5.5", False), ("0.32.15-rc1", False), ("0.0.0", False)]
)
def test_a_server_without_files_in_create_is_too_old(version: str, too_old: bool) -> None:
    assert ollama.Server("h", version).too_old is too_old


@pytest.mark.slow
@pytest.mark.ollama
async def test_a_real_server_lists_loads_and_lets_go(ollama_server: OllamaServer, ollama_model: str) -> None:
    host = ollama_server.host
    assert ollama_model in {model.name for model in await ollama.models(host)}
    # Another test's model of the same weights would be listed in its place: the server loads weights once.
    for model in await ollama.loaded_models(host):
        await ollama.unload(host, model.name)

    async def empty() -> None:
        while await ollama.loaded_models(host):
            await asyncio.sleep(0.05)

    await asyncio.wait_for(empty(), 30)
    async with ollama.client(host) as asked:
        await asked.generate(ollama_model)
    assert ollama_model in {model.name for model in await ollama.loaded_models(host)}

    await ollama.unload(host, ollama_model)

    async def gone() -> None:
        while ollama_model in {model.name for model in await ollama.loaded_models(host)}:
            await asyncio.sleep(0.05)

    await asyncio.wait_for(gone(), 20)
    assert not await ollama.has_blob(host, "sha256:" + "0" * 64)
