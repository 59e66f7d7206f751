"""Prices come from the package and are unknown for unknown models."""

from __future__ import annotations

import pytest

from studio.jobs.generate.pricing import cost_usd, worst_case_usd


def test_the_price_is_the_published_one() -> None:
    # claude-sonnet-5-5: $2 in and $10 out for a million tokens.
    assert cost_usd("claude-sonnet-5-5", 1_000_000, 100_000) == pytest.approx(3.0)


def test_an_unknown_model_has_no_price() -> None:
    assert cost_usd("qwen-at-home", 10, 10) is None
    assert worst_case_usd("qwen-at-home", "x", 10) is None


def test_the_worst_case_is_never_below_a_real_request() -> None:
    prompt = "Örnek bir istem: günlüklerdeki sessizliği dinle. " * 40
    real = cost_usd("claude-sonnet-5-5", len(prompt) // 3, 500)
    worst = worst_case_usd("claude-sonnet-5-5", prompt, 500)
    assert real is not None
    assert worst is not None
    assert worst >= real
