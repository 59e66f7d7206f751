"""Estimates before a run, beside what the run then is."""

from __future__ import annotations

from store.models import Example, Message
from studio.jobs.train.batches import Plan
from studio.jobs.train.choose import choose
from studio.jobs.train.config import Spec, TrainingConfig
from studio.jobs.train.preflight import memory, preflight
from tests.fixtures.lessons import SETTINGS, SYSTEM, conversations

SMOLLM2 = {
    "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
    "num_key_value_heads": 3, "vocab_size": 49152, "tie_word_embeddings": True,
}  # fmt: skip


def test_steps_are_those_of_the_plan() -> None:
    talks = [tuple(Message.model_validate(m) for m in talk[1:]) for talk in conversations(50)]
    choice = choose(Example(id=f"e{n}", messages=talk, category="x") for n, talk in enumerate(talks))
    config = TrainingConfig(epochs=3, batch=4, accumulation=2)
    estimate = preflight(Spec(config=config), choice, SYSTEM, tokens_per_second=100.0)
    plan = Plan([50] * len(choice.train), batch=4, accumulation=2, epochs=3, seed=0, max_steps=None)
    assert estimate.steps == plan.steps
    assert estimate.seconds == estimate.tokens / 100
    short = preflight(Spec(config=config.model_copy(update={"max_steps": plan.steps // 3})), choice, SYSTEM)
    assert short.seconds is None
    assert short.steps == plan.steps // 3
    assert abs(short.tokens * 3 - estimate.tokens) < estimate.tokens * 0.1


def test_memory_is_near_what_was_measured_on_the_embedded_base() -> None:
    """MLX's own peak over a step, batch 4 × 306 tokens and all layers; batch 2 × 264 and 16 layers."""
    everything = TrainingConfig(targets="all-linear")
    less = TrainingConfig(targets="all-linear", layers=16, batch=2)
    for config, length, measured in ((everything, 306, 3.16e9), (less, 264, 1.07e9)):
        assert measured * 0.8 < memory(SMOLLM2, config, length) < measured * 1.25


def test_checkpointing_and_smaller_batches_need_less() -> None:
    plain = memory(SMOLLM2, SETTINGS, 1024)
    assert memory(SMOLLM2, SETTINGS.model_copy(update={"checkpointing": True}), 1024) < plain / 2
    assert memory(SMOLLM2, SETTINGS.model_copy(update={"batch": 1}), 1024) < plain / 2
    assert memory(SMOLLM2 | {"quantization": {"bits": 4}}, SETTINGS, 8) < memory(SMOLLM2, SETTINGS, 8)
