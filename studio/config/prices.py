"""`prices.toml`: what a person says that models cost, where the built-in list does not know or is out of date."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from studio.config.fields import Text, first_repeated, mistake
from studio.config.toml import Table, load_toml, parse, read_text, rewrite, validate

PRICES_FILE = "prices.toml"

Dollars = Annotated[float, Field(ge=0, lt=1_000_000, allow_inf_nan=False)]
"""US dollars for a million tokens."""

_HEAD = """\
# What models cost, in US dollars for a million tokens. It goes before the built-in list; the date is shown in quotes.
"""


class StatedPrice(Table):
    """The price of one model."""

    model: Text
    """As the server calls it."""
    dated: date
    """The day on which it was so."""
    input: Dollars
    output: Dollars
    cache_write: Dollars | None = None
    """Of input that is written to the server's cache; None is 1.25 times `input`, as at Anthropic."""
    cache_read: Dollars | None = None
    """Of input that is read from it; None is `input`: never too little."""


class StatedPrices(Table):
    """All of them."""

    price: tuple[StatedPrice, ...] = ()

    @field_validator("price")
    @classmethod
    def _each_model_once(cls, value: tuple[StatedPrice, ...]) -> tuple[StatedPrice, ...]:
        if (twice := first_repeated([price.model for price in value])) is not None:
            raise mistake(f'"{twice}" twice', "each model once")
        return value

    def of(self, model: str) -> StatedPrice | None:
        """Return the price of a model; None where none is stated."""
        return next((price for price in self.price if price.model == model), None)


def load_prices(file: Path) -> StatedPrices:
    """Read a `prices.toml`; without the file nothing is stated.

    Raises:
        ConfigError: the file cannot be used; every mistake is named.
    """
    return load_toml(file, StatedPrices) if file.exists() else StatedPrices()


def state_price(file: Path, price: StatedPrice) -> None:
    """Write a price, in place of an older one of its model; all else in the file stays as it is.

    Raises:
        ConfigError: the file cannot be used.
        OSError: it cannot be written; it is as it was.
    """
    import tomlkit

    text = read_text(file) if file.exists() else _HEAD
    validate(file, text, parse(file, text), StatedPrices)
    document = tomlkit.parse(text)
    listed = document.get("price")
    if listed is None:
        listed = tomlkit.aot()
        document["price"] = listed
    entry = next((one for one in listed if one["model"] == price.model), None)
    if entry is None:
        entry = tomlkit.table()
        listed.append(entry)
    for name in ("cache_write", "cache_read"):
        entry.pop(name, None)
    for name, value in price.model_dump(exclude_none=True).items():
        entry[name] = value
    rewrite(file, tomlkit.dumps(document), StatedPrices)
