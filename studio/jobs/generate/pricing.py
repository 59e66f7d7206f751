"""What a request costs, by the package genai-prices, which knows the prices offline."""

from __future__ import annotations

BATCH_SHARE = 0.5
"""Of the price, for what is sent as a Message Batch: https://docs.claude.com/en/docs/build-with-claude/batch-processing"""

MODELS = ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5-1")
"""Current models of Anthropic, the cheapest first: what is offered to choose from. Any other name may be given."""


def cost_usd(
    model: str,
    input_tokens: int,
    output_tokens: int,
    *,
    cache_write_tokens: int = 0,
    cache_read_tokens: int = 0,
    batch: bool = False,
) -> float | None:
    """Return the price of a request in US dollars, or None for a model whose price is not known.

    Args:
        model: its name at Anthropic.
        input_tokens: all of them, those written to and read from the cache included.
        output_tokens: thinking included.
        cache_write_tokens: part of the input, dearer than the rest.
        cache_read_tokens: part of the input, cheaper than the rest.
        batch: sent as part of a Message Batch.
    """
    from genai_prices import Usage, calc_price

    usage = Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_write_tokens=cache_write_tokens,
        cache_read_tokens=cache_read_tokens,
    )
    try:
        price = calc_price(usage, model_ref=model, provider_id="anthropic")
    except LookupError:
        return None
    return float(price.total_price) * (BATCH_SHARE if batch else 1.0)


FRAME_TOKENS = 2_048
"""What a server puts around a prompt (roles, the schema of structured output), generously."""


def worst_case_usd(model: str, prompt: str, max_tokens: int, *, batch: bool = False) -> float | None:
    """Return what a request can cost at most, or None for a model whose price is not known.

    A token is at least one byte of UTF-8, so a prompt has at most as many tokens as bytes; all of them may be
    written to the cache, and the reply may use all of `max_tokens`.
    """
    tokens = len(prompt.encode("utf-8", "surrogatepass")) + FRAME_TOKENS
    return cost_usd(model, tokens, max_tokens, cache_write_tokens=tokens, batch=batch)
