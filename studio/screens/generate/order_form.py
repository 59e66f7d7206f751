"""The rows of an order as a person reads and changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.screens.dialogs.picker import Choice
from widgets.format import count, money

if TYPE_CHECKING:
    from studio.config.prices import StatedPrice
    from studio.config.recipes import Recipe
    from studio.jobs.generate.order import Spec
    from studio.jobs.generate.pricing import Prices
    from studio.session import Session

DEFAULT_CAP_USD = 20.0
"""Of a teacher that costs money, where the settings name none."""
_ALL = "*"


def default_order(session: Session) -> Spec:
    """Return an order by the person's settings; asks the keyring, so call it in a thread."""
    from studio.config.keys import find_key
    from studio.jobs.generate.order import Spec

    settings = session.settings
    teacher = settings.teacher_with(has_key=find_key() is not None)
    cap = (settings.budget_usd or DEFAULT_CAP_USD) if teacher == "anthropic" else None
    return Spec(
        teacher=teacher,
        model=None if teacher == "offline" else settings.model,
        base_url=None if teacher == "offline" else settings.base_url,
        budget_usd=cap,
    )


def rows_of(spec: Spec, prices: Prices) -> dict[str, str]:
    """Return the rows that matter for the teacher, by name."""
    what = ", ".join(spec.slots or spec.recipes or spec.categories) or "all recipes"
    number = ""
    if spec.each:
        number = f"{count(sum(spec.each.values()))} more in all"
    elif spec.more:
        number = f"{count(spec.more)} more of each"
    elif spec.count:
        number = f"{count(spec.count)} of each"
    rows = {"teacher": spec.teacher, "recipes": what, "number": number or "up to each recipe's target"}
    if spec.teacher != "offline":
        default = "Claude's default" if spec.teacher == "anthropic" else "name one"
        rows["model"] = spec.model or default
        rows["at a time"] = str(spec.concurrency) if spec.concurrency else "as many as the server allows"
    if spec.teacher == "anthropic":
        rows["cap"] = money(spec.budget_usd) if spec.budget_usd else "none"
        rows["way"] = "Message Batches: half the price, within a day" if spec.batch else "live"
        model = model_of(spec)
        known = price_words(prices, model)
        rows["price"] = f"{known} · {prices.source(model)}" if known else "not known: Enter states it"
    return rows


def model_of(spec: Spec) -> str:
    """Return the model that Claude's API is asked for."""
    from studio.jobs.generate.teachers.account import DEFAULT_MODEL

    return spec.model or DEFAULT_MODEL


def price_words(prices: Prices, model: str) -> str:
    """Return what a model costs, in words; empty where that is not known."""
    from studio.jobs.generate.pricing import Tokens

    into, out = prices.cost(model, Tokens(1_000, 0)), prices.cost(model, Tokens(0, 1_000))
    if into is None or out is None:
        return ""
    return f"{money(into * 1000)} in, {money(out * 1000)} out a million"


def price_of(model: str, text: str) -> StatedPrice:
    """Return the price that a person wrote as `input output`, dated today.

    Raises:
        ValueError: it is not two amounts.
    """
    from datetime import date

    from studio.config.prices import StatedPrice

    into, out = (float(part.lstrip("$")) for part in text.split())
    return StatedPrice(model=model, dated=date.today(), input=into, output=out)


def price_fault(text: str) -> str:
    """Say what is wrong with a price, or nothing."""
    try:
        price_of("model", text)
    except ValueError:
        return "Two amounts in US dollars for a million tokens, such as: 2 10"
    return ""


def choices_of(row: str, recipes: tuple[Recipe, ...], prices: Prices) -> tuple[Choice, ...]:
    """Return what a row may be: `teacher`, `model` or `recipes`."""
    if row == "teacher":
        return _teachers()
    if row == "model":
        return _models(prices)
    categories = tuple(dict.fromkeys(recipe.category for recipe in recipes))
    found = [Choice(_ALL, "all recipes")]
    found += [Choice(f"category:{name}", name, "category") for name in categories]
    found += [Choice(f"recipe:{r.name}", r.title, "recipe") for r in recipes]
    found += [Choice(f"slot:{r.name}/{s.id}", f"{r.name}/{s.id}", "slot") for r in recipes for s in r.slots]
    return tuple(found)


def changed(spec: Spec, row: str, value: str) -> Spec:
    """Return the order with another value of a row."""
    changes: dict[str, Any]
    match row:
        case "teacher":
            paid = value == "anthropic"
            changes = {"teacher": value, "model": None, "base_url": None, "batch": False}
            changes["budget_usd"] = (spec.budget_usd or DEFAULT_CAP_USD) if paid else None
        case "model":
            changes = {"model": value or None}
        case "recipes":
            kind, _, name = value.partition(":")
            empty: dict[str, Any] = {"recipes": (), "categories": (), "slots": ()}
            keys = {"recipe": "recipes", "category": "categories", "slot": "slots"}
            changes = empty | ({keys[kind]: (name,)} if kind in keys else {})
        case "number":
            more = value.startswith("+")
            number = int(value.lstrip("+")) if value else None
            changes = {"more": number if more else None, "count": None if more else number}
        case "cap":
            changes = {"budget_usd": float(value) if value else None}
        case _:
            changes = {"concurrency": int(value) if value else None}
    return spec.model_copy(update=changes)


def number_fault(text: str) -> str:
    """Say what is wrong with a number, or nothing."""
    text = text.strip().lstrip("+")
    try:
        fine = not text or 0 < float(text) < 1_000_000
    except ValueError:
        fine = False
    return "" if fine else "A number above 0, or nothing."


def _teachers() -> tuple[Choice, ...]:
    return (
        Choice("anthropic", "anthropic", "Claude, or a server of the Messages API"),
        Choice("ollama", "ollama", "a model on your own server"),
        Choice("offline", "offline", "the hand-written starter data"),
    )


def _models(prices: Prices) -> tuple[Choice, ...]:
    from studio.jobs.generate.pricing import MODELS

    stated = (price.model for price in prices.stated.price)
    names = dict.fromkeys((*MODELS, *stated))
    return (
        Choice("", "Claude's default"),
        *(Choice(name, name, price_words(prices, name)) for name in names),
    )
