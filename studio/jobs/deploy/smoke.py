"""The smoke test: a few real questions, answered as the deployed model will answer them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from studio.jobs.deploy.reference import SMOKE
from studio.lm import ollama

if TYPE_CHECKING:
    from ollama import AsyncClient

_TOKENS = 40
_TRIES = 3
"""A small model may draw the end at once now and then; one that does so three times running is broken."""


async def ask(host: str, tag: str) -> AsyncGenerator[tuple[str, str], None]:
    """Yield each smoke prompt with the model's reply, drawn with the parameters it was deployed with.

    Raises:
        OllamaError: the server stops answering.
    """
    with ollama.faults(host):
        async with ollama.client(host, read_seconds=600) as asked:
            for prompt in SMOKE:
                reply = ""
                for _ in range(_TRIES):
                    reply = reply or await _reply(asked, tag, prompt)
                yield prompt, reply


async def _reply(asked: AsyncClient, tag: str, prompt: str) -> str:
    answered = await asked.chat(
        tag, messages=[{"role": "user", "content": prompt}], options={"num_predict": _TOKENS}
    )
    return (answered.message.content or "").strip()
