"""The proof: Ollama's model must read, stop and begin its replies as the fused model does."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.jobs.deploy.reference import GREEDY_TOKENS, PROBES, Answer, Reference
from studio.lm import ollama

if TYPE_CHECKING:
    from ollama import AsyncClient

_GREEDY = {"temperature": 0.0, "top_k": 1, "repeat_penalty": 1.0, "seed": 1}
_ONE_TOKEN = {**_GREEDY, "num_predict": 1}
_READ_SECONDS = 600.0
"""A big model's first answer waits for its weights to be read."""


@dataclass(frozen=True)
class Check:
    """One thing proven or not; `detail` has the figures."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class _Reply:
    text: str
    stopped: bool
    prompt_tokens: int


async def prove(
    host: str, tag: str, reference: Reference, *, system: str, template: str | None, tokenizer: Any
) -> AsyncGenerator[Check, None]:
    """Yield one check after another; all are made, so that a failure is seen whole.

    `system` and `template` are what the model was made with; `tokenizer` is the base's own, to read replies
    back into tokens.

    Raises:
        OllamaError: the server stops answering.
    """
    with ollama.faults(host):
        async with ollama.client(host, read_seconds=_READ_SECONDS) as asked:
            yield await _kept_texts(asked, tag, system, template)
            yield await _same_tokens(asked, tag, reference)
            yield await _same_conversation(asked, tag, reference)
            replies = [(answer, await _greedy(asked, tag, answer)) for answer in reference.answers]
            yield _same_beginning(replies, tokenizer)
            yield _stops(replies, reference.stop_texts)


async def _kept_texts(asked: AsyncClient, tag: str, system: str, template: str | None) -> Check:
    shown = await asked.show(tag)
    lost = [] if system in (shown.modelfile or "") else ["system prompt"]
    lost += [] if template in (None, shown.template) else ["template"]
    if lost:
        return Check("texts", False, f"Ollama has another {' and another '.join(lost)}")
    return Check("texts", True, f"the system prompt's {len(system)} characters are kept")


async def _same_tokens(asked: AsyncClient, tag: str, reference: Reference) -> Check:
    unlike: list[str] = []
    exact = 0
    for name, expected in reference.probe_tokens.items():
        raw = await asked.generate(tag, prompt=PROBES[name], raw=True, options=_ONE_TOKEN)
        if raw.prompt_eval_count != len(expected):
            unlike.append(f"{name}: {len(expected)} tokens, in Ollama {raw.prompt_eval_count}")
            continue
        ids = await _token_ids(asked, tag, PROBES[name])
        if ids is not None:
            # The reply's token follows and may have joined with the last one of the text.
            if tuple(ids[: len(expected) - 1]) != expected[:-1]:
                unlike.append(f"{name}: as many tokens, but others")
                continue
            exact += 1
    if unlike:
        return Check("tokens", False, "; ".join(unlike))
    same = f"equal on {len(reference.probe_tokens)} probes"
    return Check("tokens", True, f"{same}, token by token on {exact}")


async def _token_ids(asked: AsyncClient, tag: str, text: str) -> list[int] | None:
    """Return the server's tokens of `text` and one reply token, None where the server does not tell."""
    told = await asked.generate(tag, prompt=text, template="{{ .Prompt }}", options=_ONE_TOKEN)
    return list(told.context) if told.context else None


async def _same_conversation(asked: AsyncClient, tag: str, reference: Reference) -> Check:
    whole = await _chat(asked, tag, list(reference.conversation), _ONE_TOKEN)
    opening = await _chat(asked, tag, [{"role": "user", "content": reference.answers[0].prompt}], _ONE_TOKEN)
    pairs = (
        ("conversation", reference.conversation_tokens, whole.prompt_tokens),
        ("first question", reference.opening_tokens, opening.prompt_tokens),
    )
    unlike = [f"{what}: {wanted} tokens, in Ollama {got}" for what, wanted, got in pairs if wanted != got]
    told = ", ".join(f"{what} {wanted} tokens" for what, wanted, _ in pairs)
    return Check("chat template", not unlike, "; ".join(unlike) or told)


async def _greedy(asked: AsyncClient, tag: str, answer: Answer) -> _Reply:
    options = {**_GREEDY, "num_predict": GREEDY_TOKENS}
    return await _chat(asked, tag, [{"role": "user", "content": answer.prompt}], options)


def _same_beginning(replies: list[tuple[Answer, _Reply]], tokenizer: Any) -> Check:
    """Weights in the wrong order still answer, but with other words: compare how replies begin."""
    unlike: list[str] = []
    agreeing: list[int] = []
    for answer, reply in replies:
        tokens = tokenizer.encode(reply.text, add_special_tokens=False)
        expected = tokenizer.encode(answer.text, add_special_tokens=False)
        agreeing.append(_agreeing(tokens, expected))
        silent = not tokens and not expected
        if not silent and (not tokens or tokens[0] not in answer.likely_first):
            unlike.append(f"{answer.prompt!r} begins with {reply.text[:20]!r}")
    words = ", ".join(map(str, agreeing))
    if unlike:
        return Check("first tokens", False, "; ".join(unlike))
    return Check("first tokens", True, f"likely in all {len(replies)}; equal for the first {words} tokens")


def _stops(replies: list[tuple[Answer, _Reply]], stop_texts: tuple[str, ...]) -> Check:
    leaked = [text for text in stop_texts if any(text in reply.text for _, reply in replies)]
    if leaked:
        return Check("stop token", False, f"{leaked[0]!r} stands in a reply")
    wanted = [reply for answer, reply in replies if answer.stopped]
    stopped = sum(reply.stopped for _, reply in replies)
    if wanted and not any(reply.stopped for reply in wanted):
        return Check("stop token", False, f"{len(wanted)} replies should end by themselves; none does")
    seen = f"{stopped} of {len(replies)} replies end by themselves"
    return Check("stop token", True, seen if stopped else f"{seen}, nor do they without Ollama")


async def _chat(
    asked: AsyncClient, tag: str, messages: list[dict[str, str]], options: dict[str, Any]
) -> _Reply:
    answered = await asked.chat(tag, messages=messages, options=options, think=None)
    return _Reply(
        text=answered.message.content or "",
        stopped=answered.done_reason == "stop",
        prompt_tokens=answered.prompt_eval_count or 0,
    )


def _agreeing(some: list[int], others: list[int]) -> int:
    count = 0
    for one, other in zip(some, others, strict=False):
        if one != other:
            break
        count += 1
    return count
