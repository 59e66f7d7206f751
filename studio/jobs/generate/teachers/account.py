"""Which server and model a job asks, with which key, and whether that leaves this machine. Imports no SDK."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pydantic import SecretStr

from studio.jobs.events import JobError
from studio.jobs.generate.order import Spec
from studio.jobs.generate.pricing import Prices

DEFAULT_MODEL = "claude-sonnet-5-5"


@dataclass(frozen=True)
class Account:
    """Where requests go."""

    model: str
    api_key: SecretStr
    base_url: str | None
    """None is Anthropic's own."""
    paid: bool
    """True where tokens cost money."""
    remote: bool
    """True where what is sent leaves this machine."""
    prices: Prices = field(default_factory=Prices)
    """What its models cost."""


def account(spec: Spec, prices: Prices | None = None) -> Account:
    """Return the account of a spec's teacher; without `prices` only the built-in list is known.

    Raises:
        JobError: the key is missing, an Ollama model has to be named, the address is none, or a budget is given
            for a model whose price is not known.
    """
    if spec.teacher == "ollama":
        return _ollama(spec)
    from studio.config.keys import find_key

    key = find_key()
    if key is None:
        raise JobError(
            "There is no Anthropic API key.",
            kept="Nothing was changed, and nothing was sent.",
            to_do="Set ANTHROPIC_API_KEY, enter the key in the studio, or generate with --teacher offline.",
        )
    model = spec.model or DEFAULT_MODEL
    prices = prices or Prices()
    if spec.budget_usd is not None and not prices.known(model):
        raise JobError(
            f"The price of {model} is not known, so a budget cannot be kept.",
            kept="Nothing was changed, and nothing was sent.",
            to_do="State its price in data/prices.toml, choose another model, or go without a budget.",
        )
    # A server of the Messages API on this machine may be a proxy to another one.
    return Account(model, key.value, spec.base_url, paid=True, remote=True, prices=prices)


def _ollama(spec: Spec) -> Account:
    from studio.lm.ollama import OllamaError, resolve_host

    if spec.model is None:
        raise JobError(
            "Ollama needs the name of a model to teach with.",
            kept="Nothing was changed.",
            to_do="Name an installed one: --model NAME (ollama list shows them).",
        )
    try:
        host = resolve_host(spec.base_url)
    except OllamaError as error:
        raise JobError(str(error), kept="Nothing was changed.", to_do="Correct the address.") from error
    # Ollama passes its cloud models (name:cloud, name:120b-cloud) on to another machine.
    remote = spec.model.endswith("cloud") or not _is_this_machine(host)
    return Account(spec.model, SecretStr("ollama"), host, paid=False, remote=remote)


def _is_this_machine(url: str) -> bool:
    name = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
