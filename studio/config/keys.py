"""The API key of the teacher: read from the environment or the keyring, written to nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import SecretStr

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

T = TypeVar("T")

KEY_VARIABLE = "ANTHROPIC_API_KEY"
_SERVICE = "jessy-studio"
_USER = "anthropic"
_TEST_SECONDS = 15.0


class KeyringUnavailableError(Exception):
    """This machine has no keyring that can be used; the message says what to do instead."""


@dataclass(frozen=True)
class ApiKey:
    """A key and where it was found; printing it shows stars."""

    value: SecretStr
    source: Literal["environment", "keyring"]


@dataclass(frozen=True)
class KeyTest:
    """What one call with a key said."""

    ok: bool
    message: str
    """One sentence for people: what happened and, where it failed, what to do."""


def find_key() -> ApiKey | None:
    """Return the key, the environment's before the keyring's; None where neither has one.

    A keyring that cannot be asked counts as one without a key.
    """
    if value := os.environ.get(KEY_VARIABLE, "").strip():
        return ApiKey(SecretStr(value), "environment")
    try:
        stored = _ask(lambda keyring: keyring.get_password(_SERVICE, _USER))
    except KeyringUnavailableError:
        return None
    return ApiKey(SecretStr(stored), "keyring") if stored else None


def store_key(value: SecretStr) -> None:
    """Put a key into the keyring.

    Raises:
        ValueError: it is empty, or has spaces, line ends or letters that no key has.
        KeyringUnavailableError: there is no keyring, or it refused.
    """
    key = value.get_secret_value().strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("That is not a key: it is empty, or has spaces or letters that no key has.")
    _ask(lambda keyring: keyring.set_password(_SERVICE, _USER, key))


def delete_key() -> bool:
    """Take the key out of the keyring; False where there was none.

    Raises:
        KeyringUnavailableError: there is no keyring, or it refused.
    """
    if not _ask(lambda keyring: keyring.get_password(_SERVICE, _USER)):
        return False
    _ask(lambda keyring: keyring.delete_password(_SERVICE, _USER))
    return True


def test_key(key: SecretStr, base_url: str | None = None) -> KeyTest:
    """Ask the server for its list of models, which costs nothing, and say what came back.

    Args:
        key: sent to the server and nowhere else.
        base_url: another server that speaks the Messages API; None is Anthropic's.
    """
    import json

    import anthropic
    import httpx2

    server = base_url or "api.anthropic.com"
    try:
        # One attempt: the person is waiting, and sees what came back.
        with anthropic.Anthropic(
            api_key=key.get_secret_value(), base_url=base_url, max_retries=0, timeout=_TEST_SECONDS
        ) as client:
            models = client.models.list(limit=1)
    except anthropic.APIConnectionError:
        return KeyTest(
            False, f"{server} cannot be reached. Look at the network or at base_url in the settings."
        )
    except anthropic.APIStatusError as error:
        return _judged(error.status_code, server)
    except (anthropic.AnthropicError, httpx2.HTTPError, json.JSONDecodeError, UnicodeError):
        return KeyTest(False, f"{server} sent something that is not the Messages API. Look at base_url.")
    first = models.data[0].id if models.data else None
    return KeyTest(True, f"The key works: {server} lists {first} first." if first else "The key works.")


def _judged(status: int, server: str) -> KeyTest:
    match status:
        case 401:
            return KeyTest(False, f"{server} does not know this key. Copy it again from the console.")
        case 403:
            return KeyTest(False, f"{server} refuses this key. Look at its permissions in the console.")
        case 404:
            return KeyTest(True, f"{server} answers but lists no models, so the key could not be checked.")
        case _:
            return KeyTest(False, f"{server} answered {status}. The key was not judged; try again later.")


def _ask(question: Callable[[ModuleType], T]) -> T:
    import keyring

    try:
        return question(keyring)
    except Exception as error:  # a keyring's backend is a plugin and may raise anything
        raise KeyringUnavailableError(
            f"This machine's keyring cannot be used ({type(error).__name__}). "
            f"Set {KEY_VARIABLE} in the environment instead."
        ) from error
