"""One reply at a time, in pieces, with the conversation so far kept in the model's cache."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from studio.lm.blas import load_fast_blas
from studio.lm.errors import TooLongError
from studio.lm.generate import logits_processors, prompt_tokens, sampler
from studio.lm.load import Loaded
from studio.lm.reply import ReplyStats
from studio.lm.sampling import Conversation, Sampling

_PREFILL = 64
"""Tokens of the prompt between two looks at `cancelled`; more is hardly faster on a CPU."""


class _CancelledError(Exception):
    """Raised inside mlx-lm's reading of the prompt, to leave it."""


class Streamer:
    """Answers conversations from one loaded model; not safe to share between threads."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._cache: list[Any] = []
        self._cached: list[int] = []
        """The tokens whose keys and values the cache begins with."""

    @property
    def context_size(self) -> int | None:
        """Tokens that the model reads at most, the reply included; None where its configuration does not say."""
        longest: int | None = self._loaded.config.get("max_position_embeddings")
        return longest

    def stream(
        self,
        conversation: Conversation,
        sampling: Sampling,
        *,
        max_tokens: int,
        cancelled: Callable[[], bool],
    ) -> Iterator[str | ReplyStats]:
        """Yield the reply's text in pieces, then its figures.

        Raises:
            TooLongError: the conversation is longer than the model can read.
            ValueError: its template refuses the conversation.
        """
        from studio.lm.mlx import mx

        load_fast_blas()
        from mlx_lm.generate import stream_generate

        if sampling.seed is not None:
            mx.random.seed(sampling.seed)
        tokens = self._checked(prompt_tokens(self._loaded, _whole_text(conversation)), max_tokens)
        kept = self._reuse(tokens)
        began = time.perf_counter()
        first: float | None = None
        made: list[int] = []

        def look(_done: int, _total: int) -> None:
            if cancelled():
                raise _CancelledError

        try:
            for step in stream_generate(
                self._loaded.model,
                self._loaded.tokenizer,
                tokens[kept:],
                max_tokens=max_tokens,
                sampler=sampler(sampling),
                logits_processors=[_after(tokens[:kept], each) for each in logits_processors(sampling)],
                prompt_cache=self._cache,
                prefill_step_size=_PREFILL,
                prompt_progress_callback=look,
            ):
                first = first or time.perf_counter() - began
                if step.finish_reason is None:
                    made.append(int(step.token))
                if step.text:
                    yield step.text
                look(0, 0)
        except _CancelledError:
            pass
        self._cached = tokens + made
        seconds = time.perf_counter() - began
        yield ReplyStats(
            prompt_tokens=len(tokens),
            tokens=len(made),
            first_token_seconds=first,
            tokens_per_second=len(made) / (seconds - first) if first and seconds > first and made else None,
            cancelled=cancelled(),
        )

    def _checked(self, tokens: list[int], max_tokens: int) -> list[int]:
        longest = self.context_size
        if longest is not None and len(tokens) + max_tokens > longest:
            raise TooLongError(
                f"The conversation is {len(tokens)} tokens long; this model reads {longest} "
                f"and needs {max_tokens} of them for its reply."
            )
        return tokens

    def _reuse(self, tokens: list[int]) -> int:
        """Cut the cache back to what `tokens` begins with; return how many tokens need not be read again."""
        from mlx_lm.models import cache as kv

        shared = 0
        # The last token is always read again: its logits choose the first token of the reply.
        for ours, theirs in zip(self._cached, tokens[:-1], strict=False):
            if ours != theirs:
                break
            shared += 1
        read = self._cache[0].offset if self._cache and hasattr(self._cache[0], "offset") else 0
        if shared and read >= shared and kv.can_trim_prompt_cache(self._cache):
            kv.trim_prompt_cache(self._cache, read - shared)
            return shared
        self._cache = kv.make_prompt_cache(self._loaded.model)
        return 0


def _after(kept: list[int], processor: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Show the processor the tokens that the cache already holds, so that reuse changes no penalty."""
    from studio.lm.mlx import mx

    head = mx.array(kept, mx.int32)
    return lambda tokens, logits: processor(mx.concatenate([head, tokens]), logits)


def _whole_text(conversation: Conversation) -> list[dict[str, str]]:
    """Replace lone surrogates, which no tokenizer takes."""
    return [
        {name: text.encode("utf-8", "replace").decode("utf-8") for name, text in message.items()}
        for message in conversation
    ]
