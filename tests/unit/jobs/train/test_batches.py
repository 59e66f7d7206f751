"""Batches: by length, all of it, the same order for the same seed."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from studio.jobs.train.batches import Plan, make_batch
from studio.jobs.train.config import TrainingConfig
from studio.jobs.train.masks import Lesson
from studio.jobs.train.schedule import learning_rate, warmup_steps
from studio.jobs.train.seeds import seed_of

# Tokens of 400 starter conversations through SmolLM2, in shape: many short ones, a long tail.
LENGTHS = np.random.default_rng(5).lognormal(5.6, 0.5, 400).astype(int).clip(60, 1200).tolist()


def plan(
    lengths: list[int], *, seed: int = 1, batch: int = 4, epochs: int = 2, max_steps: int | None = None
) -> Plan:
    return Plan(lengths, batch=batch, accumulation=3, epochs=epochs, seed=seed, max_steps=max_steps)


def test_an_epoch_has_each_lesson_once() -> None:
    made = plan(LENGTHS[:397])
    for epoch in (0, 1):
        steps = range(1 + epoch * made.steps_per_epoch, 1 + (epoch + 1) * made.steps_per_epoch)
        seen = list(chain.from_iterable(batch for step in steps for batch in made.step(step)))
        assert sorted(seen) == list(range(397))


def test_the_order_follows_from_the_seed_alone() -> None:
    assert [plan(LENGTHS).step(n) for n in (1, 20)] == [plan(LENGTHS).step(n) for n in (1, 20)]
    assert plan(LENGTHS).step(1) != plan(LENGTHS, seed=2).step(1)
    made = plan(LENGTHS)
    assert made.step(1) != made.step(1 + made.steps_per_epoch)


def test_padding_stays_under_five_percent() -> None:
    made = plan(LENGTHS)
    batches = [batch for step in range(1, made.steps + 1) for batch in made.step(step)]
    padded = sum(len(batch) * max(LENGTHS[i] for i in batch) for batch in batches)
    assert 1 - 2 * sum(LENGTHS) / padded < 0.05


def test_fewer_lessons_than_a_batch_are_a_batch() -> None:
    made = plan([10, 12], epochs=3)
    assert (made.steps_per_epoch, made.steps) == (1, 3)
    assert [sorted(batch) for batch in made.step(3)] == [[0, 1]]


def test_max_steps_ends_a_run_earlier_but_never_later() -> None:
    assert plan(LENGTHS, max_steps=5).steps == 5
    assert plan(LENGTHS[:12], max_steps=500).steps == 2


def lesson(tokens: list[int], first_target: int) -> Lesson:
    places = np.arange(len(tokens)) >= first_target
    return Lesson(np.array(tokens, dtype=np.int32), places)


def test_a_batch_by_hand() -> None:
    system = list(range(100, 120))
    batch = make_batch([lesson([*system, 1, 2, 3, 4], 22), lesson([*system, 5, 6, 7], 22)])
    assert batch.prefix.tolist() == system
    assert batch.inputs.tolist() == [[1, 2, 3], [5, 6, 0]]
    assert batch.positions.tolist() == [1, 2, 4]
    assert batch.labels.tolist() == [3, 4, 7]
    assert (batch.tokens, batch.padding) == (47, 1)


def test_a_short_or_unwanted_prefix_is_not_shared() -> None:
    lessons = [lesson([1, 2, 3, 4], 2), lesson([1, 2, 5, 6, 7], 2)]
    batch = make_batch(lessons)
    assert len(batch.prefix) == 0
    assert batch.inputs.tolist() == [[1, 2, 3, 0], [1, 2, 5, 6]]
    assert batch.positions.tolist() == [1, 2, 5, 6, 7]
    long = lesson([*range(100, 130), 1, 2], 31)
    assert len(make_batch([long, long], share_prefix=False).prefix) == 0


def test_equal_lessons_leave_the_predictor_of_the_first_target_outside_the_prefix() -> None:
    same = lesson(list(range(40)), 30)
    batch = make_batch([same, same])
    assert len(batch.prefix) == 29
    assert batch.labels.tolist() == [*range(30, 40)] * 2


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_rate_rises_then_follows_its_schedule(schedule: str) -> None:
    config = TrainingConfig(learning_rate=1.0, warmup=10, schedule=schedule)
    rates = [learning_rate(config, step, 200) for step in range(1, 201)]
    assert rates[:10] == pytest.approx([step / 11 for step in range(1, 11)])
    assert rates[10] == 1.0
    halfway = {"cosine": 0.5, "linear": 0.5, "constant": 1.0}[schedule]
    assert rates[105] == pytest.approx(halfway, abs=0.01)
    assert all(rate > 0 for rate in rates)


def test_a_short_run_warms_up_for_a_tenth_of_it() -> None:
    assert warmup_steps(TrainingConfig(), 60) == 6
    assert warmup_steps(TrainingConfig(), 3000) == 100


def test_seeds_differ_by_place() -> None:
    seeds = {seed_of(17, step, index) for step in range(50) for index in range(4)}
    assert len(seeds) == 200
