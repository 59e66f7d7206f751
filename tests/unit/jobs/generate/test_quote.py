"""Before an order: a quote from real tokens and dated prices, what fits, and what previews have cost already."""

from __future__ import annotations

from datetime import date

import pytest

from store.live import AsyncStore
from studio.config.prices import PRICES_FILE, StatedPrice, state_price
from studio.jobs.events import JobError
from studio.jobs.generate.order import Spec
from studio.jobs.generate.previews import samples
from studio.jobs.generate.pricing import Prices, Tokens
from studio.jobs.generate.quote import REPEATS, fits, make_quote
from studio.workspace import Workspace
from tests.fixtures.messages_server import MessagesServer
from tests.unit.jobs.generate.conftest import Drive, OrderJob, Trying, inputs_of


async def test_the_quote_comes_from_the_previews_real_tokens(
    workspace: Workspace, store: AsyncStore, trying: Trying, paid_spec: Spec
) -> None:
    inputs = await inputs_of(paid_spec, workspace, store)
    guess = make_quote(inputs, samples(workspace))
    assert guess.guessed == ("tiny",)
    await trying(paid_spec)
    quote = make_quote(inputs, samples(workspace))
    assert quote.guessed == ()
    assert (quote.examples, quote.requests) == (12, 6)
    (line,) = quote.lines
    measured = samples(workspace)
    into = sum(sample.input_tokens for sample in measured) / 3
    cached = sum(sample.cached_tokens for sample in measured) / 3
    # Of an example each, so a request of two writes twice as much.
    expected = Prices().cost("claude-sonnet-5-5", Tokens(round(into), 300, cache_read=round(cached)))
    assert expected is not None
    assert line.live is not None
    assert line.live.expected == pytest.approx(6 * expected * REPEATS[1])
    assert line.live.low < line.live.expected < line.live.high
    assert quote.batch == line.live.times(0.5)


async def test_the_real_cost_is_within_the_quote(
    workspace: Workspace, store: AsyncStore, trying: Trying, order_job: OrderJob, drive: Drive, paid_spec: Spec,
    server: MessagesServer,
) -> None:  # fmt: skip
    await trying(paid_spec)
    quote = make_quote(await inputs_of(paid_spec, workspace, store), samples(workspace))
    before = server.billed_usd
    await drive(await order_job(paid_spec))
    assert quote.live is not None
    assert quote.live.low * 0.5 <= server.billed_usd - before <= quote.live.high


async def test_what_fits_the_budget_is_proposed_and_really_fits(
    workspace: Workspace, store: AsyncStore, trying: Trying, paid_spec: Spec
) -> None:
    await trying(paid_spec)
    asked = paid_spec.model_copy(update={"count": 600, "budget_usd": 1.3})
    inputs = await inputs_of(asked, workspace, store)
    found = samples(workspace)
    quote = make_quote(inputs, found)
    assert quote.exceeds
    proposals = fits(quote, inputs)
    assert proposals
    assert {(fit.spec.model, fit.spec.batch, fit.spec.count != 600) for fit in proposals} >= {
        ("claude-haiku-5-5", False, False),
        (None, False, True),
    }
    for fit in proposals:
        again = make_quote(await inputs_of(fit.spec, workspace, store), found)
        assert again.ordered is not None
        assert again.ordered.high <= 1.3 * 1.02
        assert not fits(again, inputs) or again.exceeds
    assert fits(make_quote(await inputs_of(paid_spec, workspace, store), found), inputs) == []


async def test_what_previews_cost_counts_once_towards_the_budget_of_the_next_order(
    workspace: Workspace, store: AsyncStore, trying: Trying, order_job: OrderJob, drive: Drive, paid_spec: Spec,
    server: MessagesServer,
) -> None:  # fmt: skip
    await trying(paid_spec)
    previewed = server.billed_usd
    inputs = await inputs_of(paid_spec, workspace, store)
    live = make_quote(inputs, samples(workspace)).live
    assert live is not None
    # What the order may cost is within this budget by itself, but not with what the previews cost.
    tight = paid_spec.model_copy(update={"budget_usd": live.high + previewed / 2})
    quote = make_quote(await inputs_of(tight, workspace, store), samples(workspace))
    assert quote.previewed_usd == pytest.approx(previewed)
    assert quote.exceeds
    assert all(
        fit.money.high + previewed <= live.high + previewed / 2
        for fit in fits(quote, await inputs_of(tight, workspace, store))
    )
    capped = paid_spec.model_copy(update={"count": 400, "budget_usd": 0.1})
    events = await drive(await order_job(capped))
    end = events[-1]
    assert end.result["at_cap"]
    assert f"${previewed:.4f} of it by previews" in end.summary
    assert 0.05 < server.billed_usd <= 0.1, "the cap holds with the previews in it"
    again = await inputs_of(paid_spec, workspace, store)
    assert again.order.previewed_usd == 0.0, "the first order has counted them"


async def test_an_unknown_price_has_no_quote(
    workspace: Workspace, store: AsyncStore, paid_spec: Spec
) -> None:
    unheard = paid_spec.model_copy(update={"model": "unheard-of"})
    quote = make_quote(await inputs_of(unheard, workspace, store), ())
    assert quote.live is quote.batch is None
    assert not quote.exceeds
    assert quote.priced_by == ()


async def test_a_price_that_a_person_states_is_quoted_with_its_date_and_keeps_a_budget(
    workspace: Workspace, store: AsyncStore, order_job: OrderJob, drive: Drive, paid_spec: Spec,
    server: MessagesServer,
) -> None:  # fmt: skip
    unheard = paid_spec.model_copy(update={"model": "unheard-of", "budget_usd": 1.0})
    with pytest.raises(JobError, match="The price of unheard-of is not known") as caught:
        await inputs_of(unheard, workspace, store)
    assert "data/prices.toml" in caught.value.to_do
    price = StatedPrice(model="unheard-of", dated=date(2026, 11, 20), input=2, output=10)
    state_price(workspace.data / PRICES_FILE, price)
    quote = make_quote(await inputs_of(unheard, workspace, store), ())
    assert quote.priced_by == ("unheard-of by data/prices.toml of 2026-11-20",)
    assert quote.live is not None
    events = await drive(await order_job(unheard))
    # The server's own prices are the same.
    assert events[-1].result["spent_usd"] == pytest.approx(server.billed_usd)
