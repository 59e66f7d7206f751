"""What a request costs: by what the person states in `prices.toml`, otherwise by the package genai-prices, offline."""

from __future__ import annotations

from dataclasses import dataclass, field

from studio.config.prices import PRICES_FILE, StatedPrice, StatedPrices, load_prices
from studio.workspace import Workspace

BATCH_SHARE = 0.5
"""Of the price, for what is sent as a Message Batch: https://docs.claude.com/en/docs/build-with-claude/batch-processing"""

MODELS = ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5-1")
"""Current models of Anthropic, the cheapest first: what is offered to choose from. Any other name may be given."""

FRAME_TOKENS = 2_048
"""What a server puts around a prompt (roles, the schema of structured output), generously."""

_MILLION = 1_000_000
_CACHE_WRITE = 1.25


@dataclass(frozen=True)
class Tokens:
    """Of one request and its reply."""

    input: int
    """All of them, those written to and read from the cache included."""
    output: int
    """Thinking included."""
    cache_write: int = 0
    """Part of the input, dearer than the rest."""
    cache_read: int = 0
    """Part of the input, cheaper than the rest."""


@dataclass(frozen=True)
class Prices:
    """The prices of all models, as one workspace knows them."""

    stated: StatedPrices = field(default_factory=StatedPrices)

    @classmethod
    def of(cls, workspace: Workspace) -> Prices:
        """Return a workspace's prices.

        Raises:
            ConfigError: its `prices.toml` cannot be used.
        """
        return cls(load_prices(workspace.data / PRICES_FILE))

    def cost(self, model: str, tokens: Tokens, *, batch: bool = False) -> float | None:
        """Return what a request costs in US dollars, or None for a model whose price is not known."""
        stated = self.stated.of(model)
        usd = _listed(model, tokens) if stated is None else _stated(stated, tokens)
        return None if usd is None else usd * (BATCH_SHARE if batch else 1.0)

    def most(self, model: str, prompt: str, max_tokens: int, *, batch: bool = False) -> float | None:
        """Return what a request can cost at most, or None for a model whose price is not known.

        A token is at least one byte of UTF-8, so a prompt has at most as many tokens as bytes; each may be written
        to the cache or read from it, and the reply may use all of `max_tokens`.
        """
        size = len(prompt.encode("utf-8", "surrogatepass")) + FRAME_TOKENS
        ways = (
            Tokens(size, max_tokens),
            Tokens(size, max_tokens, cache_write=size),
            Tokens(size, max_tokens, cache_read=size),
        )
        found = [usd for way in ways if (usd := self.cost(model, way, batch=batch)) is not None]
        return max(found, default=None)

    def known(self, model: str) -> bool:
        """Say whether a model's price is known."""
        return self.cost(model, Tokens(1, 1)) is not None

    def source(self, model: str) -> str:
        """Return where a model's price comes from, in words; empty where it is not known."""
        stated = self.stated.of(model)
        if stated is not None:
            return f"data/{PRICES_FILE} of {stated.dated:%Y-%m-%d}"
        return _package() if self.known(model) else ""


def _stated(price: StatedPrice, tokens: Tokens) -> float:
    write = price.input * _CACHE_WRITE if price.cache_write is None else price.cache_write
    read = price.input if price.cache_read is None else price.cache_read
    rest = max(0, tokens.input - tokens.cache_write - tokens.cache_read)
    usd = rest * price.input + tokens.cache_write * write + tokens.cache_read * read
    return (usd + tokens.output * price.output) / _MILLION


def _listed(model: str, tokens: Tokens) -> float | None:
    from genai_prices import Usage, calc_price

    usage = Usage(
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_write_tokens=tokens.cache_write,
        cache_read_tokens=tokens.cache_read,
    )
    try:
        price = calc_price(usage, model_ref=model, provider_id="anthropic")
    except LookupError:
        return None
    return float(price.total_price)


def _package() -> str:
    from importlib.metadata import version

    return f"genai-prices {version('genai-prices')}"
