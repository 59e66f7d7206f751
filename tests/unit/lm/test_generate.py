"""Batched replies."""

from __future__ import annotations

from studio.lm.generate import generate_replies
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
