"""Chat templates learnt from Jinja templates of the shapes that bases really have."""

from __future__ import annotations

import jinja2
import pytest

from studio.jobs.deploy.chat_template import Frame, Messages, Render, go_string, learn

CHATML = (
    "{% for m in messages %}{% if loop.first and m.role != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helper<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA3 = (
    "{{ '<|begin|>' }}{% for m in messages %}"
    "{{ '<|head|>' + m.role + '<|/head|>\n\n' + m.content + '<|eot|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|head|>assistant<|/head|>\n\n' }}{% endif %}"
)
GEMMA = (
    "{{ '<bos>' }}{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' "
    "+ m.content + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
MISTRAL = (
    "{{ '<s>' }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' }}"
    "{% if loop.index0 == messages | length - 1 and messages[0].role == 'system' %}"
    "{{ messages[0].content + '\n\n' }}{% endif %}{{ m.content + ' [/INST]' }}"
    "{% elif m.role == 'assistant' %}{{ m.content + '</s>' }}{% endif %}{% endfor %}"
)
TRIMMED = "{% for m in messages %}{{ '[' + m.role + ']' + m.content | replace('b', 'B') }}{% endfor %}"


def renderer(source: str) -> Render:
    environment = jinja2.Environment()

    def refuse(why: str) -> None:
        raise jinja2.exceptions.TemplateError(why)

    environment.globals["raise_exception"] = refuse
    template = environment.from_string(source)

    def render(messages: Messages, begin_reply: bool) -> str:
        return template.render(messages=messages, add_generation_prompt=begin_reply)

    return render


def test_chatml_with_a_default_system_prompt_is_learnt_whole() -> None:
    learnt = learn(renderer(CHATML))

    assert learnt is not None
    assert learnt.system == Frame("<|im_start|>system\n", "<|im_end|>\n")
    assert learnt.reply == "<|im_start|>assistant\n"
    assert learnt.no_system == "<|im_start|>system\nYou are a helper<|im_end|>\n"


def test_what_begins_every_text_is_left_to_the_server() -> None:
    learnt = learn(renderer(LLAMA3), begin_of_text="<|begin|>")

    assert learnt is not None
    assert learnt.no_system == ""
    assert learnt.user == Frame("<|head|>user<|/head|>\n\n", "<|eot|>")
    assert "begin" not in learnt.go()


def test_a_base_without_a_system_role_is_learnt_without_one() -> None:
    learnt = learn(renderer(GEMMA), begin_of_text="<bos>")

    assert learnt is not None
    assert learnt.system is None
    assert learnt.assistant == Frame("<start_of_turn>model\n", "<end_of_turn>\n")
    assert '"system"' not in learnt.go()


@pytest.mark.parametrize("source", [MISTRAL, TRIMMED])
def test_what_framing_cannot_say_is_not_guessed(source: str) -> None:
    assert learn(renderer(source), begin_of_text="<s>") is None


def test_a_fault_in_the_renderer_is_not_taken_for_a_missing_system_role() -> None:
    def broken(messages: Messages, begin_reply: bool) -> str:
        if messages[0]["role"] == "system":
            raise OSError("disk gone")
        return renderer(CHATML)(messages, begin_reply)

    with pytest.raises(OSError, match="disk gone"):
        learn(broken)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("", ""),
        ("ığüşöç", '{{ "ığüşöç" }}'),
        ('a"b\\c\n', '{{ "a\\"b\\\\c\\n" }}'),
        ("\u200d", '{{ "\\u200d" }}'),
        ("👩", '{{ "\\U0001f469" }}'),
        ("\ud800", '{{ "\\ufffd" }}'),
    ],
)
def test_strings_are_escaped_as_go_reads_them(text: str, action: str) -> None:
    assert go_string(text) == action
