"""Mistakes in `prices.toml` are told with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.config.errors import ConfigError
from studio.config.prices import load_prices

GOOD = """
[[price]]
model = "qwen-at-home"
dated = 2026-11-20
input = 0.5
output = 2
"""


def test_no_file_states_nothing(tmp_path: Path) -> None:
    assert load_prices(tmp_path / "prices.toml").price == ()


def test_a_price_is_read(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(GOOD)
    (price,) = load_prices(file).price
    assert (price.model, price.input, price.output, f"{price.dated}") == (
        "qwen-at-home",
        0.5,
        2,
        "2026-11-20",
    )


@pytest.mark.parametrize(
    ("old", "new", "key", "line"),
    [
        ("dated = 2026-11-20\n", "", "price[0].dated", 2),
        ("2026-11-20", '"last week"', "price[0].dated", 4),
        ("0.5", "-1", "price[0].input", 5),
        ("0.5", "nan", "price[0].input", 5),
        ("0.5", '"cheap"', "price[0].input", 5),
        ("output", "outptu", "price[0].outptu", 6),
        (GOOD, GOOD + GOOD, "price", None),
    ],
)
def test_a_mistake_names_file_line_and_key(
    tmp_path: Path, old: str, new: str, key: str, line: int | None
) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_prices(file)
    found = {(problem.file, problem.key, problem.line) for problem in caught.value.problems}
    assert (file, key, line) in found
