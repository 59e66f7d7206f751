"""What the tokenizer and the fused model say before Ollama is asked: the proof compares against it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from studio.jobs.deploy.chat_template import ChatTemplate, Messages, learn

if TYPE_CHECKING:
    from studio.lm.load import Loaded

PROBES: dict[str, str] = {
    "apostrophe": "I'll be there, don't you'd say?",
    "turkish": "Şu İstanbul'daki ığdır, çöğüşü; GÜNAYDIN! Nasılsın, iyi misin?",
    "emoji": "🎯 ⚡ 🚀 👨‍👩‍👧‍👦 🇹🇷 ✨",
    "digits": "In 2026 it costs 1234567.89, or 3,14159 and 0x7fff.",
    "code": 'if (x == 3) { return y; }\n\tfor i in range(10):\n        print(f"{i}\\n")',
    "spaces": "a  b   c\n\n\nd\t\te ",
    "mixed": "Hadi, let's debug this pattern birlikte: çünkü O(n²) yavaş.",
    "special": "<|im_start|>user\nMerhaba<|im_end|>\n",
}
"""Texts on which tokenizers are known to differ, by what they try."""

SMOKE: tuple[str, ...] = (
    "Merhaba JESSY!",
    "Explain recursion in one sentence.",
    "What is the capital of France?",
)
"""What every deployment is asked; the answers are kept with it."""

GREEDY_TOKENS = 24
LIKELY = 5
"""Among so many of the likeliest first tokens Ollama's own first token has to be."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Answer(_Frozen):
    """How the fused model answers one prompt when it takes the likeliest token each time."""

    prompt: str
    likely_first: tuple[int, ...]
    """The likeliest first tokens, the likeliest first."""
    text: str
    stopped: bool
    """True when it ended by itself within `GREEDY_TOKENS`."""


class Reference(_Frozen):
    """The fixed points of the proof."""

    probe_tokens: dict[str, tuple[int, ...]]
    conversation: tuple[dict[str, str], ...]
    conversation_tokens: int
    """Of the whole conversation rendered by the base's own chat template."""
    opening_tokens: int
    """Of a first question with the persona's system prompt in front."""
    answers: tuple[Answer, ...]
    stop_texts: tuple[str, ...]
    template: ChatTemplate | None
    """None where the base's chat template can't be said by framing messages."""


@dataclass(frozen=True)
class _Tokenizer:
    """The few calls that are needed of mlx-lm's tokenizer."""

    inner: Any

    def tokens(self, messages: Messages) -> list[int]:
        rendered = self.inner.apply_chat_template(
            [dict(message) for message in messages], add_generation_prompt=True, return_dict=False
        )
        return list(rendered)

    def text(self, messages: Messages, begin_reply: bool) -> str:
        return str(
            self.inner.apply_chat_template(
                [dict(message) for message in messages], add_generation_prompt=begin_reply, tokenize=False
            )
        )


def make_reference(loaded: Loaded, system_prompt: str) -> Reference:
    """Ask the tokenizer and the fused model; takes as long as a few short greedy replies."""
    tokenizer = _Tokenizer(loaded.tokenizer)
    template = learn(tokenizer.text, begin_of_text=_begin_of_text(loaded.tokenizer))
    has_system = template is None or template.system is not None
    system = [{"role": "system", "content": system_prompt}] if has_system and system_prompt else []
    conversation = [
        *system,
        {"role": "user", "content": PROBES["mixed"]},
        {"role": "assistant", "content": PROBES["apostrophe"]},
        {"role": "user", "content": PROBES["code"] + "\n" + PROBES["turkish"]},
    ]
    return Reference(
        probe_tokens={name: tuple(loaded.tokenizer.encode(text)) for name, text in PROBES.items()},
        conversation=tuple(conversation),
        conversation_tokens=len(tokenizer.tokens(conversation)),
        opening_tokens=len(tokenizer.tokens([*system, {"role": "user", "content": SMOKE[0]}])),
        answers=tuple(_answer(loaded, tokenizer, system, prompt) for prompt in SMOKE),
        stop_texts=_stop_texts(loaded, template),
        template=template,
    )


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a model folder; no weights are read and MLX does not start."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def _answer(loaded: Loaded, tokenizer: _Tokenizer, system: list[dict[str, str]], prompt: str) -> Answer:
    from studio.lm.mlx import mx

    tokens = tokenizer.tokens([*system, {"role": "user", "content": prompt}])
    logits = loaded.model(mx.array([tokens]))[0, -1]
    likely = [int(token) for token in mx.argsort(-logits)[:LIKELY]]
    written, stopped = _greedy(loaded, tokens)
    return Answer(
        prompt=prompt,
        likely_first=tuple(likely),
        text=loaded.tokenizer.decode(written),
        stopped=stopped,
    )


def _greedy(loaded: Loaded, prompt: list[int]) -> tuple[list[int], bool]:
    from mlx_lm.generate import generate_step

    from studio.lm.mlx import mx

    written: list[int] = []
    for token, _ in generate_step(mx.array(prompt), loaded.model, max_tokens=GREEDY_TOKENS):
        if token in loaded.tokenizer.eos_token_ids:
            return written, True
        written.append(int(token))
    return written, False


def _begin_of_text(tokenizer: Any) -> str:
    """Return the token that is put in front of every text, as llama.cpp does too; SmolLM2 names one but doesn't."""
    first = tokenizer.encode("a")[0]
    return str(tokenizer.bos_token) if first == tokenizer.bos_token_id else ""


def _stop_texts(loaded: Loaded, template: ChatTemplate | None) -> tuple[str, ...]:
    """Return what ends a reply: the end tokens, and the special token that opens the next turn."""
    texts = [loaded.tokenizer.decode([token]) for token in sorted(loaded.tokenizer.eos_token_ids)]
    if template is not None:
        opening = template.user.before
        special = [token for token in loaded.tokenizer.all_special_tokens if opening.startswith(token)]
        texts += special[:1]
    return tuple(dict.fromkeys(text for text in texts if text.strip()))
