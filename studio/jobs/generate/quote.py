"""What an order will cost, before it is placed: live and as batches, low, expected and high."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean

from studio.config.recipes import Recipe
from studio.jobs.generate.inputs import Inputs
from studio.jobs.generate.leaving import ANTHROPIC
from studio.jobs.generate.order import Spec
from studio.jobs.generate.previews import Sample, fitting
from studio.jobs.generate.pricing import BATCH_SHARE, MODELS, Prices
from studio.jobs.generate.pricing import Tokens as Sent
from studio.jobs.generate.prompt import request

REPEATS = (1.0, 1.05, 1.25)
"""Low, expected, high: requests for each one planned. What fails, repeats or breaks its recipe is asked for again."""
_BYTES_A_TOKEN = (5.0, 3.6, 2.5)
"""Of prompts, where no preview has measured them; Turkish and code have fewer."""
_TOKENS_A_WORD = (1.3, 2.0, 3.5)
"""Of replies, likewise, with their JSON; the high one leaves room for thinking."""
_USUAL_WORDS = (20, 120)
"""Of a reply whose recipe names no bounds."""
_SPREAD = (0.8, 1.0, 1.3)
"""Of the mean of a preview, since three samples know little of thousands."""


@dataclass(frozen=True)
class Money:
    """US dollars."""

    low: float
    expected: float
    high: float

    def times(self, factor: float) -> Money:
        """Return a share or a multiple."""
        return Money(self.low * factor, self.expected * factor, self.high * factor)

    def plus(self, other: Money) -> Money:
        """Return the sum."""
        return Money(self.low + other.low, self.expected + other.expected, self.high + other.high)


NOTHING = Money(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Tokens:
    """Of one request and of one example of a recipe; low, expected, high."""

    input: tuple[float, float, float]
    """Of a request, cached ones included."""
    cached: float
    """Of the input, those that the server caches."""
    output: tuple[float, float, float]
    """Of an example."""
    samples: int
    """Replies of previews that this was measured on; 0 where it is a guess from the prompts and the recipe's words."""


@dataclass(frozen=True)
class Line:
    """One recipe of a quote."""

    recipe: str
    model: str
    requests: int
    examples: int
    tokens: Tokens
    live: Money | None
    """None where the model's price is not known."""
    priced_by: str
    """Where the price comes from, with its date or version; empty where it is not known or nothing is paid."""


@dataclass(frozen=True)
class Fit:
    """Another order that keeps within the budget, at its high end."""

    what: str
    spec: Spec
    money: Money


@dataclass(frozen=True)
class Quote:
    """What an order will cost."""

    spec: Spec
    lines: tuple[Line, ...]
    free: bool
    """True where tokens cost nothing: offline, or a server of one's own."""
    previewed_usd: float = 0.0
    """What previews have cost already; it counts towards the budget."""

    @property
    def live(self) -> Money | None:
        """Request by request; None where a price is not known."""
        if any(line.live is None for line in self.lines):
            return None
        total = NOTHING
        for line in self.lines:
            total = total.plus(line.live or NOTHING)
        return total

    @property
    def batch(self) -> Money | None:
        """As Message Batches."""
        return None if self.live is None else self.live.times(BATCH_SHARE)

    @property
    def ordered(self) -> Money | None:
        """The way that the order asks for."""
        return self.batch if self.spec.batch else self.live

    @property
    def requests(self) -> int:
        """Requests that are planned."""
        return sum(line.requests for line in self.lines)

    @property
    def examples(self) -> int:
        """Examples that are ordered."""
        return sum(line.examples for line in self.lines)

    @property
    def guessed(self) -> tuple[str, ...]:
        """Recipes without a preview: their numbers are guesses."""
        return tuple(line.recipe for line in self.lines if not line.tokens.samples)

    @property
    def priced_by(self) -> tuple[str, ...]:
        """Where the prices come from, each with its models: `claude-sonnet-5-5 by genai-prices 0.2.3`."""
        models: dict[str, list[str]] = {}
        for line in self.lines:
            if line.priced_by and line.model not in models.setdefault(line.priced_by, []):
                models[line.priced_by].append(line.model)
        return tuple(f"{', '.join(named)} by {source}" for source, named in models.items())

    @property
    def budget_left(self) -> float | None:
        """What previews have left of the budget; None where there is none."""
        budget = self.spec.budget_usd
        return None if budget is None else max(0.0, budget - self.previewed_usd)

    @property
    def exceeds(self) -> bool:
        """True where the order may cost more than is left of its budget."""
        money, budget = self.ordered, self.budget_left
        return budget is not None and money is not None and not self.free and money.high > budget


def make_quote(inputs: Inputs, found: Sequence[Sample]) -> Quote:
    """Return what an order will cost.

    Args:
        inputs: the order.
        found: what previews have measured.
    """
    account = inputs.account
    requests: Counter[str] = Counter(unit.recipe for unit in inputs.order.units)
    examples: Counter[str] = Counter()
    for unit in inputs.order.units:
        examples[unit.recipe] += unit.count
    lines = []
    for recipe in inputs.order.recipes:
        if not requests[recipe.name]:
            continue
        model = recipe.teacher.model or (account.model if account else "")
        server = (account.base_url or ANTHROPIC) if account else ""
        tokens = _tokens(recipe, inputs, fitting(found, recipe, server, model))
        number, wanted = requests[recipe.name], examples[recipe.name]
        paid = account is not None and account.paid
        prices = account.prices if account else Prices()
        live = _money(prices, model, number, wanted, tokens) if paid else NOTHING
        source = prices.source(model) if paid else ""
        lines.append(Line(recipe.name, model, number, wanted, tokens, live, source))
    free = account is None or not account.paid
    return Quote(inputs.spec, tuple(lines), free=free, previewed_usd=inputs.order.previewed_usd)


def fits(quote: Quote, inputs: Inputs, *, most: int = 4) -> list[Fit]:
    """Return orders that keep within a budget that this one exceeds, those that change least first."""
    budget = quote.budget_left
    if budget is None or not quote.exceeds:
        return []
    prices = inputs.account.prices if inputs.account else Prices()
    found = [fit for fit in _other_ways(quote, prices) if fit.money.high <= budget]
    if (fewer := _fewer(quote, inputs, budget)) is not None:
        found.insert(min(1, len(found)), fewer)
    return found[:most]


def _other_ways(quote: Quote, prices: Prices) -> Iterable[Fit]:
    spec = quote.spec
    if not spec.batch and quote.batch is not None:
        yield Fit("the same as Message Batches", spec.model_copy(update={"batch": True}), quote.batch)
    asked = {line.model for line in quote.lines}
    dearest_first = [model for model in reversed(MODELS) if model not in asked]
    for batch in (False, True) if not spec.batch else (True,):
        for model in dearest_first:
            total = NOTHING
            for line in quote.lines:
                total = total.plus(
                    _money(prices, model, line.requests, line.examples, line.tokens) or NOTHING
                )
            now = quote.ordered
            if now is None or total.times(BATCH_SHARE if batch else 1).high >= now.high:
                continue
            way = f"by {model}, as Message Batches" if batch else f"by {model}"
            changes = {"model": model, "batch": batch}
            yield Fit(way, spec.model_copy(update=changes), total.times(BATCH_SHARE if batch else 1))


def _fewer(quote: Quote, inputs: Inputs, budget: float) -> Fit | None:
    """Return the largest number of each recipe that the budget pays for."""
    share = BATCH_SHARE if quote.spec.batch else 1.0
    have = inputs.order.have

    def cost(count: int) -> Money:
        total = NOTHING
        for line in quote.lines:
            fewer = min(line.examples, max(0, count - have.get(line.recipe, 0)))
            total = total.plus((line.live or NOTHING).times(share * fewer / line.examples))
        return total

    low, high = 0, max((have.get(line.recipe, 0) + line.examples for line in quote.lines), default=0)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if cost(middle).high <= budget else (low, middle - 1)
    if low < 1 or not cost(low).high:
        return None
    spec = quote.spec.model_copy(update={"count": low, "more": None})
    return Fit(f"up to {low:,} examples of each recipe", spec, cost(low))


def _money(prices: Prices, model: str, requests: int, examples: int, tokens: Tokens) -> Money | None:
    found = []
    for end, repeats in enumerate(REPEATS):
        written = tokens.cached if end == 2 else 0.0
        sent = Sent(
            round(tokens.input[end]),
            round(tokens.output[end] * examples / requests),
            cache_write=round(min(written, tokens.input[end])),
            cache_read=0 if end == 2 else round(min(tokens.cached, tokens.input[end])),
        )
        usd = prices.cost(model, sent)
        if usd is None:
            return None
        found.append(usd * requests * repeats)
    return Money(*found)


def _tokens(recipe: Recipe, inputs: Inputs, measured: Sequence[Sample]) -> Tokens:
    if measured:
        into = [float(sample.input_tokens) for sample in measured]
        out = [sample.output_tokens / sample.examples for sample in measured]
        return Tokens(
            input=_ends(into),
            cached=mean(sample.cached_tokens for sample in measured),
            output=_ends(out),
            samples=len(measured),
        )
    units = [unit for unit in inputs.order.units if unit.recipe == recipe.name]
    # A few are as good as all: the prompts of a recipe differ by their material only.
    some = units[:: max(1, len(units) // 20)]
    prompts = [request(unit, inputs.order, inputs.order.asked_of(unit)) for unit in some]
    size = mean(len((prompt.system + prompt.user).encode()) for prompt in prompts)
    fewest, most = recipe.expect.words or _USUAL_WORDS
    replies = mean(recipe.turns) / 2
    questions = 1.4  # a question has about four tenths of its answer's words
    words = (fewest, (fewest + most) / 2, most)
    low, expected, high = (w * replies * questions * t for w, t in zip(words, _TOKENS_A_WORD, strict=True))
    least, usual, largest = (size / each for each in _BYTES_A_TOKEN)
    return Tokens((least, usual, largest), 0.0, (low, expected, high), 0)


def _ends(values: Sequence[float]) -> tuple[float, float, float]:
    middle = mean(values)
    return min(*values, middle * _SPREAD[0]), middle, max(*values, middle * _SPREAD[2])
