"""Chat templates for bases that come without one, by the family whose control tokens they use.

Each is written here from the form that the family's own model card states: which tokens open and end a turn. A base
can take a template only when its vocabulary has those tokens, each as one: the end of a turn has to be a token that
the model can learn to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from studio.lm.template import TemplateError


@dataclass(frozen=True)
class Family:
    """A way to tell turns apart."""

    template: str
    """In Jinja, as tokenizers carry it."""
    end: str | None
    """The token that ends a reply; None: the tokenizer's own end of text."""
    tokens: tuple[str, ...]
    """What the vocabulary must have, each as one token."""


def _turns(before: str, after: str, *, role: str = "m['role']", content: str = "m['content']") -> str:
    """Return the loop of a template that frames each message in the same way."""
    return (
        f"{{% for m in messages %}}{{{{ '{before}' }}}}".replace("ROLE", f"' + {role} + '")
        + f"{{{{ {content} + '{after}' }}}}{{% endfor %}}"
    )


FAMILIES: dict[str, Family] = {
    "chatml": Family(
        template=_turns("<|im_start|>ROLE\\n", "<|im_end|>\\n")
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
        end="<|im_end|>",
        tokens=("<|im_start|>", "<|im_end|>"),
    ),
    "llama3": Family(
        template="{{ '<|begin_of_text|>' }}"
        + _turns(
            "<|start_header_id|>ROLE<|end_header_id|>\\n\\n", "<|eot_id|>", content="m['content'] | trim"
        )
        + "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}",
        end="<|eot_id|>",
        tokens=("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    ),
    "gemma": Family(
        template="{{ '<bos>' }}{% if messages[0]['role'] == 'system' %}"
        "{{ raise_exception('no system role') }}{% endif %}"
        + _turns(
            "<start_of_turn>ROLE\\n",
            "<end_of_turn>\\n",
            role="('model' if m['role'] == 'assistant' else m['role'])",
            content="m['content'] | trim",
        )
        + "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}",
        end="<end_of_turn>",
        tokens=("<bos>", "<start_of_turn>", "<end_of_turn>"),
    ),
    "mistral": Family(
        # Instructions are marked by text, so that any base whose tokenizer has an end of text can take it.
        template="{{ bos_token or '' }}{% if messages[0]['role'] == 'system' %}"
        "{{ raise_exception('no system role') }}{% endif %}{% for m in messages %}{% if m['role'] == 'user' %}"
        "{{ '[INST] ' + m['content'] + ' [/INST]' }}{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}"
        "{% endfor %}",
        end=None,
        tokens=(),
    ),
    "phi3": Family(
        template=_turns("<|ROLE|>\\n", "<|end|>\\n")
        + "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}",
        end="<|end|>",
        tokens=("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
    ),
}


def fitting(tokenizer: Any) -> list[str]:
    """Return the families whose template this tokenizer can take."""
    return [name for name, family in FAMILIES.items() if not _missing(tokenizer, family)]


def give_template(tokenizer: Any, name: str) -> None:
    """Let a tokenizer of mlx-lm's that has no chat template use that of the family `name`, its end token included.

    Raises:
        TemplateError: it has a template of its own, there is no such family, or the vocabulary lacks its tokens.
    """
    if getattr(tokenizer, "chat_template", None):
        raise TemplateError(
            "This base has a chat template of its own.", to_do="Train with that: leave the choice of one out."
        )
    family = FAMILIES.get(name)
    if family is None:
        raise TemplateError(f"There is no template {name!r}.", to_do=f"Choose of: {', '.join(FAMILIES)}.")
    if missing := _missing(tokenizer, family):
        raise TemplateError(
            f"The base's vocabulary has no {', '.join(missing)}, which the template {name} needs.",
            to_do=f"Choose one that fits: {', '.join(fitting(tokenizer)) or 'none does; choose an instruct model'}.",
        )
    inner = getattr(tokenizer, "_tokenizer", tokenizer)
    inner.chat_template = family.template
    tokenizer.has_chat_template = True
    if family.end is not None:
        tokenizer.add_eos_token(family.end)


def _missing(tokenizer: Any, family: Family) -> list[str]:
    if family.end is None and not tokenizer.eos_token:
        return ["end of text"]
    vocabulary = tokenizer.get_vocab()
    return [token for token in family.tokens if token not in vocabulary]
