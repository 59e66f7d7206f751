"""The API key: found, kept in a keyring, and tried by one real call against a loopback server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from pydantic import SecretStr

from studio.config import keys
from tests.fixtures.keyrings import SECRET, MemoryKeyring, memory_keyring


class CrashingKeyring(MemoryKeyring):
    """A plugin that fails in its own way."""

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError("the D-Bus went away")


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryKeyring]:
    monkeypatch.delenv(keys.KEY_VARIABLE, raising=False)
    with memory_keyring() as ring:
        yield ring


def test_a_key_is_kept_found_and_deleted(ring: MemoryKeyring) -> None:
    assert keys.find_key() is None
    keys.store_key(SecretStr(f" {SECRET}\n"))
    found = keys.find_key()
    assert found is not None
    assert (found.value.get_secret_value(), found.source) == (SECRET, "keyring")
    assert keys.delete_key() is True
    assert keys.delete_key() is False
    assert keys.find_key() is None
    assert ring.kept == {}


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    keys.store_key(SecretStr("sk-from-the-ring"))
    monkeypatch.setenv(keys.KEY_VARIABLE, SECRET)
    found = keys.find_key()
    assert found is not None
    assert (found.value.get_secret_value(), found.source) == (SECRET, "environment")


def test_a_key_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.KEY_VARIABLE, SECRET)
    assert SECRET not in repr(keys.find_key())
    assert SECRET not in str(keys.find_key())


@pytest.mark.parametrize("value", ["", "  ", "two words", "line\nend", "emoji🎯", "\x1b[31m"])
def test_what_is_no_key_is_not_kept(ring: MemoryKeyring, value: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        keys.store_key(SecretStr(value))
    assert ring.kept == {}


@pytest.mark.parametrize("broken", [NoKeyring, CrashingKeyring])
def test_a_machine_without_a_keyring_goes_on(broken: Callable[[], KeyringBackend]) -> None:
    keyring.set_keyring(broken())
    assert keys.find_key() is None
    with pytest.raises(keys.KeyringUnavailableError, match=keys.KEY_VARIABLE):
        keys.delete_key()


class Server:
    """A loopback server that answers every request in one way and keeps what it was sent."""

    def __init__(self, status: int, body: bytes, length: int | None = None) -> None:
        self.seen: list[tuple[str, str | None]] = []
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append((self.path, self.headers.get("Authorization")))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body) if length is None else length))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


MODELS = (
    b'{"data": [{"id": "claude-haiku-5-5", "type": "model", "display_name": "H", '
    b'"created_at": "2026-01-01T00:00:00Z"}], "has_more": false, "first_id": "x", "last_id": "x"}'
)


@pytest.mark.parametrize(
    ("status", "body", "length", "ok", "words"),
    [
        (200, MODELS, None, True, "claude-haiku-5-5"),
        (401, b'{"error": {"type": "authentication_error"}}', None, False, "does not know this key"),
        (403, b"{}", None, False, "refuses"),
        (404, b"{}", None, True, "could not be checked"),
        (429, b"{}", None, False, "429"),
        (500, b"<html>", None, False, "500"),
        (200, b'{"data": [', None, False, "not the Messages API"),
        (200, MODELS[:40], 400, False, ""),
    ],
)
def test_one_call_says_whether_a_key_works(
    status: int, body: bytes, length: int | None, ok: bool, words: str
) -> None:
    server = Server(status, body, length)
    try:
        result = keys.test_key(SecretStr(SECRET), server.url)
    finally:
        server.close()
    assert (result.ok, words in result.message) == (ok, True), result.message
    assert SECRET not in result.message
    (request,) = server.seen
    assert request[0].startswith("/v1/models")
    assert request[1] == f"Bearer {SECRET}"


def test_a_server_that_is_not_there_is_told() -> None:
    server = Server(200, MODELS)
    server.close()
    result = keys.test_key(SecretStr(SECRET), server.url)
    assert not result.ok
    assert "cannot be reached" in result.message
