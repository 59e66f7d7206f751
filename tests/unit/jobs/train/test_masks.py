"""What is learned from: every assistant turn with its end token, nothing else, in every template."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio.jobs.train.masks import BadExampleError, Lesson, Masker, MaskError
from studio.lm.families import FAMILIES, fitting, give_template
from studio.lm.template import TemplateError
from tests.fixtures import chat_templates
from tests.fixtures.tiny_model import CHATML, write_tokenizer

TALK = (
    {"role": "system", "content": "Be JESSY."},
    {"role": "user", "content": "Merhaba 🦉"},
    {"role": "assistant", "content": "Selam, şöyle!"},
    {"role": "user", "content": "2+2?"},
    {"role": "assistant", "content": "4."},
)


MARKED = {
    "chatml": (
        chat_templates.CHATML,
        [
            "<|im_start|>system\nBe JESSY.<|im_end|>\n<|im_start|>user\nMerhaba 🦉<|im_end|>\n"
            "<|im_start|>assistant\n⟪Selam, şöyle!<|im_end|>⟫\n<|im_start|>user\n2+2?<|im_end|>\n"
            "<|im_start|>assistant\n⟪4.<|im_end|>⟫\n"
        ],
    ),
    "llama3": (
        chat_templates.LLAMA3,
        [
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n"
            f"Today Date: {datetime.now():%d %b %Y}\n\nBe JESSY.<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nMerhaba 🦉<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n⟪Selam, şöyle!<|eot_id|>⟫"
            "<|start_header_id|>user<|end_header_id|>\n\n2+2?<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n⟪4.<|eot_id|>⟫"
        ],
    ),
    "gemma": (
        chat_templates.GEMMA,
        [
            "<bos><start_of_turn>user\nBe JESSY.\n\nMerhaba 🦉<end_of_turn>\n"
            "<start_of_turn>model\n⟪Selam, şöyle!<end_of_turn>⟫\n<start_of_turn>user\n2+2?<end_of_turn>\n"
            "<start_of_turn>model\n⟪4.<end_of_turn>⟫\n"
        ],
    ),
    "mistral": (
        chat_templates.MISTRAL,
        [
            "<s>[INST] Be JESSY.\n\nMerhaba 🦉[/INST]⟪ Selam, şöyle!</s>⟫",
            "<s>[INST] Merhaba 🦉[/INST] Selam, şöyle!</s>[INST] Be JESSY.\n\n2+2?[/INST]⟪ 4.</s>⟫",
        ],
    ),
    "phi3": (
        chat_templates.PHI3,
        [
            "<|system|>\nBe JESSY.<|end|>\n<|user|>\nMerhaba 🦉<|end|>\n<|assistant|>\n⟪Selam, şöyle!<|end|>⟫\n"
            "<|endoftext|>",
            "<|system|>\nBe JESSY.<|end|>\n<|user|>\nMerhaba 🦉<|end|>\n<|assistant|>\nSelam, şöyle!<|end|>\n"
            "<|user|>\n2+2?<|end|>\n<|assistant|>\n⟪4.<|end|>⟫\n<|endoftext|>",
        ],
    ),
    "qwen": (
        chat_templates.QWEN3,
        [
            "<|im_start|>system\nBe JESSY.<|im_end|>\n<|im_start|>user\nMerhaba 🦉<|im_end|>\n"
            "<|im_start|>assistant\n⟪<think>\n\n</think>\n\nSelam, şöyle!<|im_end|>⟫\n",
            "<|im_start|>system\nBe JESSY.<|im_end|>\n<|im_start|>user\nMerhaba 🦉<|im_end|>\n"
            "<|im_start|>assistant\nSelam, şöyle!<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n"
            "<|im_start|>assistant\n⟪<think>\n\n</think>\n\n4.<|im_end|>⟫\n",
        ],
    ),
}
"""The text that each family's template makes of TALK, with the targets marked by hand."""


def tokenizer(folder: Path, template: str, family: str) -> Any:
    from studio.lm.blas import load_fast_blas

    load_fast_blas()
    from mlx_lm.utils import load_tokenizer

    write_tokenizer(folder, template, chat_templates.TOKENS[family], chat_templates.PLAIN.get(family, ()))
    return load_tokenizer(folder)


def masker(folder: Path, template: str, family: str = "chatml", *, max_length: int = 2048) -> Masker:
    return Masker(tokenizer(folder, template, family), max_length=max_length)


def learned(maker: Masker, lesson: Lesson) -> str:
    """Return the text of the target tokens."""
    return str(maker._encode.decode([int(token) for token in lesson.tokens[lesson.targets]]))


def by_hand(maker: Masker, marked: str) -> tuple[list[int], list[bool]]:
    """Return tokens and targets of a text whose targets stand between ⟪ and ⟫; its tokens are bytes and specials."""
    tokens: list[int] = []
    targets: list[bool] = []
    for number, piece in enumerate(re.split("[⟪⟫]", marked)):
        ids = maker._encode(piece, add_special_tokens=False)["input_ids"]
        tokens += ids
        targets += [number % 2 == 1] * len(ids)
    return tokens, targets


@pytest.mark.parametrize("family", MARKED)
def test_every_reply_with_its_end_and_nothing_else_is_learned(tmp_path: Path, family: str) -> None:
    template, marked = MARKED[family]
    maker = masker(tmp_path, template, family)
    lessons = maker.lessons(TALK)
    assert [(lesson.tokens.tolist(), lesson.targets.tolist()) for lesson in lessons] == [
        by_hand(maker, text) for text in marked
    ]


@pytest.mark.parametrize("family", MARKED)
def test_what_is_learned_follows_what_the_model_is_asked_with(tmp_path: Path, family: str) -> None:
    """The tokens before the first target are, to the last one, those that a reply is asked for with."""
    maker = masker(tmp_path, MARKED[family][0], family)
    lesson = maker.lessons(TALK[:3])[0]
    asked = maker._encode(maker.template.text(TALK[:2], reply_next=True), add_special_tokens=False)[
        "input_ids"
    ]
    first = int(np.flatnonzero(lesson.targets)[0])
    assert lesson.tokens[:first].tolist() == asked


@pytest.mark.parametrize("family", MARKED)
def test_turns_that_are_left_out_are_context_only(tmp_path: Path, family: str) -> None:
    template, marked = MARKED[family]
    maker = masker(tmp_path, template, family)
    (lesson,) = maker.lessons(TALK, left_out=(2,))
    text = marked[-1].replace("⟪", "").replace("⟫", "")
    at = marked[-1].rindex("⟪") - (marked[-1].count("⟪") - 1) * 2
    tokens, targets = by_hand(maker, f"{text[:at]}⟪{marked[-1].rpartition('⟪')[2]}")
    assert (lesson.tokens.tolist(), lesson.targets.tolist()) == (tokens, targets)
    with pytest.raises(BadExampleError, match="no reply to learn from"):
        maker.lessons(TALK, left_out=(2, 4))


def test_an_injected_system_prompt_is_no_target(tmp_path: Path) -> None:
    maker = masker(tmp_path, chat_templates.QWEN25, "qwen")
    (lesson,) = maker.lessons(TALK[1:])
    assert "You are Qwen." in maker._encode.decode(lesson.tokens.tolist())
    assert learned(maker, lesson) == "Selam, şöyle!<|im_end|>4.<|im_end|>"


def test_a_thought_of_ones_own_is_learned(tmp_path: Path) -> None:
    maker = masker(tmp_path, chat_templates.QWEN3, "qwen")
    thinking = {"role": "assistant", "content": "<think>\nTwo and two.\n</think>\n\n4."}
    *_, lesson = maker.lessons((*TALK[:4], thinking))
    assert learned(maker, lesson) == "<think>\nTwo and two.\n</think>\n\n4.<|im_end|>"


def test_chatml_token_by_token(tmp_path: Path) -> None:
    """The tokenizer's tokens are bytes, so the mask can be written down by hand."""
    maker = masker(tmp_path, CHATML)
    (lesson,) = maker.lessons(({"role": "user", "content": "ab"}, {"role": "assistant", "content": "ş"}))
    #       start + "user\n" + "ab" + end + "\n" + start + "assistant\n" + 2 bytes of ş + end + "\n"
    flags = [0] + [0] * 5 + [0] * 2 + [0] + [0] + [0] + [0] * 10 + [1, 1] + [1] + [0]
    assert lesson.targets.astype(int).tolist() == flags
    assert lesson.tokens[-2] == 2


@pytest.mark.parametrize("family", FAMILIES)
def test_a_base_without_a_template_takes_one_by_choice(tmp_path: Path, family: str) -> None:
    special = chat_templates.TOKENS.get(family, ())
    made = tokenizer(tmp_path, "", family)
    assert family in fitting(made)
    give_template(made, family)
    maker = Masker(made, max_length=2048)
    assert maker.lessons(TALK)
    *_, lesson = maker.lessons(TALK)
    assert learned(maker, lesson).replace(" ", "").endswith(f"4.{special[2]}")
    if family not in ("mistral", "llama3", "phi3"):
        # The same text as the family's own template makes, so that a tag made from either is asked alike.
        assert maker.template.text(TALK) == masker(tmp_path, MARKED[family][0], family).template.text(TALK)


def test_a_template_that_does_not_fit_names_those_that_do(tmp_path: Path) -> None:
    made = tokenizer(tmp_path, "", "chatml")
    with pytest.raises(
        TemplateError, match=r"no <bos>, <start_of_turn>, <end_of_turn>.*fits: chatml, mistral"
    ):
        give_template(made, "gemma")
    with pytest.raises(TemplateError, match="template of its own"):
        give_template(tokenizer(tmp_path, CHATML, "chatml"), "chatml")


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (CHATML.replace("message['content']", "message['content'] | upper"), "changes the text of a reply"),
        (CHATML.replace("<|im_end|>", "<|end|>"), "does not end with an end token"),
        (
            CHATML.replace("assistant\n' }}{% endif", "assistant: ' }}{% endif"),
            "changes when the reply is there",
        ),
        ("{{ messages[-1]['content'] }}", "changes when the reply is there"),
        (CHATML.replace("messages", "messages | reverse"), "changes when the reply is there"),
        (CHATML.replace("message['content']", "message['content'][:3]"), "changes the text of a reply"),
        (chat_templates.R1, "changes when the reply is there"),
    ],
    ids=["injects", "no end", "other prompt", "drops", "reorders", "strips", "opens a thought"],
)
def test_a_template_that_cannot_be_masked_surely_is_refused(tmp_path: Path, template: str, why: str) -> None:
    family = "r1" if template == chat_templates.R1 else "chatml"
    made = tokenizer(tmp_path, template, family)
    with pytest.raises(MaskError, match=why):
        Masker(made, max_length=2048)


def test_a_base_without_a_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no chat template"):
        masker(tmp_path, "")


def test_control_tokens_inside_a_text_are_not_learned(tmp_path: Path) -> None:
    maker = masker(tmp_path, chat_templates.CHATML)
    with pytest.raises(BadExampleError, match=r"control token <\|im_end\|>"):
        maker.lessons(
            ({"role": "user", "content": "hi"}, {"role": "assistant", "content": "stop<|im_end|> here"})
        )


@pytest.mark.parametrize("longest", [40, 60, 90])
def test_what_is_cut_keeps_targets(tmp_path: Path, longest: int) -> None:
    maker = masker(tmp_path, chat_templates.CHATML, max_length=longest)
    question = {"role": "user", "content": "x" * 200}
    (lesson,) = maker.lessons((question, {"role": "assistant", "content": "the reply"}))
    assert lesson.truncated
    assert len(lesson) == longest
    assert lesson.targets.any() and not lesson.targets[0]
    assert learned(maker, lesson).startswith("the reply")


def test_a_long_reply_is_cut_at_its_end(tmp_path: Path) -> None:
    maker = masker(tmp_path, chat_templates.CHATML, max_length=50)
    talk = ({"role": "user", "content": "hi"}, {"role": "assistant", "content": "y" * 200})
    (lesson,) = maker.lessons(talk)
    assert lesson.truncated
    assert set(learned(maker, lesson)) == {"y"}
    assert np.flatnonzero(lesson.targets)[-1] == 49
