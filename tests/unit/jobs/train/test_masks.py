"""What is learned from: every assistant turn with its end token, nothing else, in every template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio.jobs.train.masks import BadExampleError, Lesson, Masker, MaskError
from studio.lm.template import TemplateError
from tests.fixtures.tiny_model import CHATML, write_tokenizer

LLAMA3 = (
    "{{ '<s>' }}{% for m in messages %}{{ '<h>' + m['role'] + '</h>\n\n' + m['content'] | trim + '<e>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<h>assistant</h>\n\n' }}{% endif %}"
)
GEMMA = (
    "{{ '<s>' }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{{ '<h>' + ('model' if m['role'] == 'assistant' else m['role']) + '\n' "
    "+ m['content'] | trim + '<e>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<h>model\n' }}{% endif %}"
)
MISTRAL = (
    "{{ '<s>' }}{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}"
    "{% set turns = messages[1:] %}{% else %}{% set system = '' %}{% set turns = messages %}{% endif %}"
    "{% for m in turns %}{% if m['role'] == 'user' %}{{ '[INST] ' + (system + '\n\n' if loop.first and system else '')"
    " + m['content'] + '[/INST]' }}{% else %}{{ ' ' + m['content'] + '<e>' }}{% endif %}{% endfor %}"
)
THINKING = (
    "{% for m in messages %}{{ '<h>' + m['role'] + '\n' }}{% if m['role'] == 'assistant' and loop.last %}"
    "{{ '<think>\n\n</think>\n\n' }}{% endif %}{{ m['content'] + '<e>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<h>assistant\n' }}{% endif %}"
)
SPECIAL = ("<unk>", "<s>", "<e>", "<h>", "</h>")

TALK = (
    {"role": "system", "content": "Be JESSY."},
    {"role": "user", "content": "Merhaba 🦉"},
    {"role": "assistant", "content": "Selam, şöyle!"},
    {"role": "user", "content": "2+2?"},
    {"role": "assistant", "content": "4."},
)


def tokenizer(folder: Path, template: str, special: tuple[str, ...] = SPECIAL) -> Any:
    from mlx_lm.utils import load_tokenizer

    from studio.lm.blas import load_fast_blas

    load_fast_blas()
    write_tokenizer(folder, template, special)
    return load_tokenizer(folder)


def masker(folder: Path, template: str, *, max_length: int = 2048) -> Masker:
    return Masker(tokenizer(folder, template), max_length=max_length)


def learned(maker: Masker, lesson: Lesson) -> str:
    """Return the text of the target tokens."""
    return str(maker._encode.decode([int(token) for token in lesson.tokens[lesson.targets]]))


@pytest.mark.parametrize("template", [LLAMA3, GEMMA, MISTRAL], ids=["llama3", "gemma", "mistral"])
def test_both_replies_with_their_ends_are_learned(tmp_path: Path, template: str) -> None:
    maker = masker(tmp_path, template)
    (lesson,) = maker.lessons(TALK)
    assert learned(maker, lesson).replace(" ", "") == "Selam,şöyle!<e>4.<e>"


def test_chatml_token_by_token(tmp_path: Path) -> None:
    """The tokenizer's tokens are bytes, so the mask can be written down by hand."""
    maker = Masker(
        tokenizer(tmp_path, CHATML, ("<|endoftext|>", "<|im_start|>", "<|im_end|>")), max_length=2048
    )
    (lesson,) = maker.lessons(({"role": "user", "content": "ab"}, {"role": "assistant", "content": "ş"}))
    #          start + "user\n" + "ab" + end + "\n" + start + "assistant\n" + 2 bytes of ş + end + "\n"
    by_hand = [0] + [0] * 5 + [0] * 2 + [0] + [0] + [0] + [0] * 10 + [1, 1] + [1] + [0]
    assert lesson.targets.astype(int).tolist() == by_hand
    assert lesson.tokens[-2] == 2


def test_a_template_that_drops_thoughts_gives_a_lesson_a_turn(tmp_path: Path) -> None:
    maker = masker(tmp_path, THINKING)
    first, second = maker.lessons(TALK)
    assert learned(maker, first) == "<think>\n\n</think>\n\nSelam, şöyle!<e>"
    assert learned(maker, second) == "<think>\n\n</think>\n\n4.<e>"
    assert len(second) > len(first)


def test_the_system_prompt_is_there_where_the_template_has_no_role_for_it(tmp_path: Path) -> None:
    maker = masker(tmp_path, GEMMA)
    assert maker.template.folds_system
    assert "<h>user\nBe JESSY.\n\nMerhaba" in maker.template.text(TALK)


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
    ],
    ids=["injects", "no end", "other prompt", "reorders"],
)
def test_a_template_that_cannot_be_masked_surely_is_refused(tmp_path: Path, template: str, why: str) -> None:
    made = tokenizer(tmp_path, template, ("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    with pytest.raises(MaskError, match=why):
        Masker(made, max_length=2048)


def test_a_base_without_a_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no chat template"):
        masker(tmp_path, "")


def test_turns_that_are_left_out_are_context_only(tmp_path: Path) -> None:
    maker = masker(tmp_path, LLAMA3)
    (lesson,) = maker.lessons(TALK, left_out=(2,))
    assert learned(maker, lesson) == "4.<e>"
    with pytest.raises(BadExampleError, match="no reply to learn from"):
        maker.lessons(TALK, left_out=(2, 4))


def test_control_tokens_inside_a_text_are_not_learned(tmp_path: Path) -> None:
    maker = masker(tmp_path, LLAMA3)
    with pytest.raises(BadExampleError, match="control token <e>"):
        maker.lessons(({"role": "user", "content": "hi"}, {"role": "assistant", "content": "stop<e> here"}))


@pytest.mark.parametrize("longest", [40, 60, 90])
def test_what_is_cut_keeps_targets(tmp_path: Path, longest: int) -> None:
    maker = masker(tmp_path, LLAMA3, max_length=longest)
    question = {"role": "user", "content": "x" * 200}
    (lesson,) = maker.lessons((question, {"role": "assistant", "content": "the reply"}))
    assert lesson.truncated
    assert len(lesson) == longest
    assert lesson.targets.any() and not lesson.targets[0]
    assert learned(maker, lesson).startswith("the reply")


def test_a_long_reply_is_cut_at_its_end(tmp_path: Path) -> None:
    maker = masker(tmp_path, LLAMA3, max_length=50)
    talk = ({"role": "user", "content": "hi"}, {"role": "assistant", "content": "y" * 200})
    (lesson,) = maker.lessons(talk)
    assert lesson.truncated
    assert set(learned(maker, lesson)) == {"y"}
    assert np.flatnonzero(lesson.targets)[-1] == 49
