"""Batched replies."""

from __future__ import annotations

import pytest

from studio.lm.generate import _read_once, generate_replies, prompt_tokens
from studio.lm.load import Loaded
from studio.lm.sampling import Sampling

GREEDY = Sampling(temperature=0.0, repeat_penalty=1.0)
CONVERSATIONS = [
    [{"role": "user", "content": text}] for text in ("Merhaba!", "one", "a longer question " * 5)
]


def test_a_batch_gives_the_replies_that_each_gets_alone(tiny: Loaded) -> None:
    together = generate_replies(tiny, CONVERSATIONS, GREEDY, max_tokens=12)
    alone = [generate_replies(tiny, [one], GREEDY, max_tokens=12)[0] for one in CONVERSATIONS]
    assert together == alone
    assert len(set(together)) > 1


def test_a_prompt_that_all_begin_with_is_read_once_and_changes_nothing(
    tiny: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = {"role": "system", "content": "You are JESSY, warm and technical. " * 4}
    prompted = [[system, *conversation] for conversation in CONVERSATIONS]
    repeats = Sampling(temperature=0, repeat_penalty=1.3)
    together = generate_replies(tiny, prompted, repeats, max_tokens=12)
    monkeypatch.setattr("studio.lm.generate.SHARED_AT_LEAST", 10_000)
    assert generate_replies(tiny, prompted, repeats, max_tokens=12) == together
    monkeypatch.undo()
    prompts = [prompt_tokens(tiny, conversation) for conversation in prompted]
    shared, caches = _read_once(tiny.model, prompts)
    assert len(shared) > 30 and all(prompt[: len(shared)] == shared for prompt in prompts)
    assert caches is not None and caches[0][0].size() == len(shared)


def test_more_conversations_than_a_batch_keep_their_order(tiny: Loaded) -> None:
    whole = generate_replies(tiny, CONVERSATIONS * 3, GREEDY, max_tokens=6, batch_size=9)
    assert generate_replies(tiny, CONVERSATIONS * 3, GREEDY, max_tokens=6, batch_size=2) == whole


def test_the_seed_decides_what_is_drawn(tiny: Loaded) -> None:
    def draw(seed: int) -> list[str]:
        return generate_replies(tiny, CONVERSATIONS, Sampling(temperature=1.5, seed=seed), max_tokens=12)

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_the_repeat_penalty_changes_what_is_likeliest(tiny: Loaded) -> None:
    plain = generate_replies(tiny, CONVERSATIONS, GREEDY, max_tokens=16)
    penalised = generate_replies(
        tiny, CONVERSATIONS, Sampling(temperature=0, repeat_penalty=3.0), max_tokens=16
    )
    assert plain != penalised


def test_progress_counts_to_the_end(tiny: Loaded) -> None:
    seen: list[tuple[int, int]] = []
    generate_replies(tiny, CONVERSATIONS, GREEDY, max_tokens=4, progress=lambda n, of: seen.append((n, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_nothing_asked_is_nothing_answered(tiny: Loaded) -> None:
    assert generate_replies(tiny, [], GREEDY, max_tokens=4) == []
