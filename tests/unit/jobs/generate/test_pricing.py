"""Prices come from the package, a person's own go before them, and unknown models have none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr

from studio.config.prices import PRICES_FILE, StatedPrice, StatedPrices, state_price
from studio.jobs.generate.pricing import Prices, Tokens
from studio.jobs.generate.prompt import Request
from studio.jobs.generate.teachers.account import Account
from studio.jobs.generate.teachers.messages import Reply
from studio.jobs.generate.teachers.pricetag import PriceTag
from studio.workspace import Workspace

BUILT_IN = Prices()
OWN = StatedPrice(model="qwen-at-home", dated=date(2026, 11, 20), input=1.0, output=4.0)


def stated(*prices: StatedPrice) -> Prices:
    return Prices(StatedPrices(price=prices))


def test_the_price_is_the_published_one() -> None:
    # claude-sonnet-5-5: $2 in and $10 out for a million tokens.
    assert BUILT_IN.cost("claude-sonnet-5-5", Tokens(1_000_000, 100_000)) == pytest.approx(3.0)
    assert BUILT_IN.cost("claude-sonnet-5-5", Tokens(1_000_000, 0), batch=True) == pytest.approx(1.0)
    assert BUILT_IN.source("claude-sonnet-5-5").startswith("genai-prices 0.")


def test_an_unknown_model_has_no_price() -> None:
    assert BUILT_IN.cost("qwen-at-home", Tokens(10, 10)) is None
    assert BUILT_IN.most("qwen-at-home", "x", 10) is None
    assert BUILT_IN.source("qwen-at-home") == ""
    assert not BUILT_IN.known("qwen-at-home")


@pytest.mark.parametrize("prices", [BUILT_IN, stated(OWN.model_copy(update={"model": "claude-sonnet-5-5"}))])
def test_the_worst_case_is_never_below_a_real_request(prices: Prices) -> None:
    prompt = "Örnek bir istem: günlüklerdeki sessizliği dinle. " * 40
    third = len(prompt) // 3
    worst = prices.most("claude-sonnet-5-5", prompt, 500)
    assert worst is not None
    for way in (
        Tokens(third, 500),
        Tokens(third, 500, cache_write=third),
        Tokens(third, 500, cache_read=third),
    ):
        real = prices.cost("claude-sonnet-5-5", way)
        assert real is not None
        assert worst >= real


def test_a_stated_price_goes_first_and_tells_its_date() -> None:
    prices = stated(OWN, OWN.model_copy(update={"model": "claude-sonnet-5-5", "cache_read": 0.1}))
    assert prices.cost("qwen-at-home", Tokens(1_000_000, 250_000)) == pytest.approx(2.0)
    assert prices.cost("qwen-at-home", Tokens(1_000_000, 0), batch=True) == pytest.approx(0.5)
    assert prices.cost("qwen-at-home", Tokens(1_000_000, 0, cache_write=1_000_000)) == pytest.approx(1.25)
    assert prices.cost("qwen-at-home", Tokens(1_000_000, 0, cache_read=1_000_000)) == pytest.approx(1.0)
    assert prices.cost("claude-sonnet-5-5", Tokens(1_000_000, 0, cache_read=500_000)) == pytest.approx(0.55)
    assert prices.source("qwen-at-home") == "data/prices.toml of 2026-11-20"


@pytest.mark.parametrize(
    ("model", "answered_by", "usd"),
    [
        ("claude-sonnet-5-5", "claude-sonnet-5-5", 2.0),
        ("claude-sonnet-5-5", "a-name-of-its-own", 2.0),
        # What a person states of the model that they asked for goes before the list's price of the one that answered.
        ("qwen-at-home", "claude-sonnet-5-5", 1.0),
        ("claude-sonnet-5-5", "qwen-at-home", 1.0),
    ],
)
def test_the_model_that_answered_is_paid_and_a_stated_price_goes_first(
    model: str, answered_by: str, usd: float
) -> None:
    account = Account(model, SecretStr("k"), None, paid=True, remote=True, prices=stated(OWN))
    reply = Reply("text", answered_by, None, 1_000_000, 0)
    assert PriceTag(account, max_tokens=10).real(reply, Request("s", "u")) == pytest.approx(usd)


def test_a_price_is_written_and_read_and_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path)
    assert Prices.of(workspace) == BUILT_IN
    file = workspace.data / PRICES_FILE
    state_price(file, OWN)
    assert file.read_text().startswith("# What models cost")
    file.write_text(file.read_text().replace("[[price]]", "# my own server\n[[price]]"))
    state_price(file, OWN.model_copy(update={"model": "other", "cache_read": 0.5}))
    state_price(file, OWN.model_copy(update={"dated": date(2026, 12, 1), "output": 5.0}))
    found = Prices.of(workspace).stated.price
    assert [(price.model, price.output, price.cache_read) for price in found] == [
        ("qwen-at-home", 5.0, None),
        ("other", 4.0, 0.5),
    ]
    assert found[0].dated == date(2026, 12, 1)
    assert "# my own server" in file.read_text()
