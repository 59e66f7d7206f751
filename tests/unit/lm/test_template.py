"""One rendering for training, sampling and chatting."""

from __future__ import annotations

import pytest

from studio.lm.generate import prompt_tokens
from studio.lm.load import Loaded
from studio.lm.template import ChatTemplate, TemplateError

TALK = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Selam 🦉"}]


def test_a_prompt_is_what_the_tokenizer_itself_makes_of_it(tiny: Loaded) -> None:
    theirs = tiny.tokenizer.apply_chat_template(TALK, add_generation_prompt=True, return_dict=False)
    assert prompt_tokens(tiny, TALK) == list(theirs)


def test_a_template_that_refuses_a_conversation_says_why(tiny: Loaded) -> None:
    template = ChatTemplate(tiny.tokenizer)
    assert not template.folds_system
    with pytest.raises(TemplateError, match="refuses a conversation"):
        template.text([{"role": "user"}])
