"""Modelfiles, read by the grammar of Ollama's parser/parser.go as written down here, and by Ollama itself."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.jobs.deploy.chat_template import ChatTemplate, Frame
from studio.jobs.deploy.modelfile import can_say, write_modelfile
from tests.fixtures.hostile_prompts import HOSTILE
from tests.fixtures.ollama import OllamaServer

CHATML = ChatTemplate(
    system=Frame("<|im_start|>system\n", "<|im_end|>\n"),
    user=Frame("<|im_start|>user\n", "<|im_end|>\n"),
    assistant=Frame("<|im_start|>assistant\n", "<|im_end|>\n"),
    reply="<|im_start|>assistant\n",
    no_system="<|im_start|>system\nI am the base<|im_end|>\n",
)
PARAMETERS = {"temperature": 0.8, "top_k": 40, "stop": ["<|im_end|>", '"""', "a b"]}


def written(system: str, template: ChatTemplate | None = CHATML) -> str:
    return write_modelfile(
        origin="jessy:one", template=template, system=system, parameters=PARAMETERS, comment="made by a test"
    )


def parse(text: str) -> list[tuple[str, str]]:
    """Read commands as Ollama does: a value ends at a line's end where its quotes are closed."""
    commands: list[tuple[str, str]] = []
    lines = re.split(r"(?<=[\r\n])", text)
    while lines:
        line = lines.pop(0)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, value = line.lstrip().partition(" ")
        if name == "PARAMETER":
            name, _, value = value.partition(" ")
        while (closed := unquoted(value.strip())) is None:
            value += lines.pop(0)
        commands.append((name, closed))
    return [(name, "".join(c for c in value if c.isprintable() or c in "\n\r\t")) for name, value in commands]


def unquoted(value: str) -> str | None:
    for fence in ('"""', '"'):
        if value.startswith(fence):
            whole = len(value) >= 2 * len(fence) and value.endswith(fence)
            return value[len(fence) : -len(fence)] if whole else None
    return value


def system_of(commands: list[tuple[str, str]]) -> str:
    """Return the system prompt that the commands amount to, from SYSTEM or from TEMPLATE's default."""
    named = dict(commands)
    if "SYSTEM" in named:
        return named["SYSTEM"]
    default = re.match(r'\{\{- if not \.System \}\}\{\{ "((?:[^"\\]|\\.)*)" \}\}', named["TEMPLATE"])
    assert default is not None
    # Go's escapes of these are Python's.
    text = re.sub(
        r'\\(?:n|t|r|"|\\|u[0-9a-f]{4}|U[0-9a-f]{8})',
        lambda match: str(eval(f"'{match[0]}'")),
        default[1],
    )
    assert CHATML.system is not None
    return text.removeprefix(CHATML.system.before).removesuffix(CHATML.system.after)


@pytest.mark.parametrize("system", HOSTILE.values(), ids=HOSTILE)
def test_any_system_prompt_survives_the_grammar(system: str) -> None:
    assert system_of(parse(written(system))) == system


@given(st.text(alphabet=st.sampled_from('"\\ \n\r\tab{}#\u200d\u00a0İ🙂'), min_size=1, max_size=40))
def test_no_mixture_of_quotes_and_line_ends_breaks_out(system: str) -> None:
    commands = parse(written(system))

    assert system_of(commands) == system
    assert [name for name, _ in commands if name not in ("SYSTEM", "TEMPLATE")] == [
        "FROM",
        "temperature",
        "top_k",
        *["stop"] * 3,
    ]


def test_what_can_be_said_stands_readable_in_SYSTEM() -> None:  # noqa: N802 - the instruction's name
    assert 'SYSTEM """You are JESSY. Kısa ve öz konuş."""' in written(HOSTILE["plain"])
    assert can_say(HOSTILE["triple quotes"])
    assert not can_say(HOSTILE["triple quotes at a line's end"])
    assert not can_say(HOSTILE["joined emoji"])


def test_without_a_template_to_hide_in_the_loss_is_said() -> None:
    text = written(HOSTILE["joined emoji"], template=None)

    assert "cannot carry" in text
    assert dict(parse(text))["SYSTEM"] == "👨👩👧👦 and 🇹🇷"


@pytest.mark.slow
@pytest.mark.ollama
def test_ollama_itself_reads_every_modelfile_as_it_was_meant(
    ollama_server: OllamaServer, ollama_model: str, tmp_path: Path
) -> None:
    unlike: dict[str, tuple[str, str]] = {}
    for name, system in HOSTILE.items():
        modelfile = tmp_path / "Modelfile"
        modelfile.write_bytes(
            write_modelfile(
                origin=ollama_model, template=CHATML, system=system, parameters=PARAMETERS, comment=name
            ).encode()
        )
        made = ollama_server.run("create", "hostile", "-f", str(modelfile))
        assert made.returncode == 0, (name, made.stderr)
        rendered = _rendered(ollama_server, "hostile")
        wanted = CHATML.render([{"role": "system", "content": system}, {"role": "user", "content": "hi"}])
        if rendered != wanted:
            unlike[name] = (rendered, wanted)
    ollama_server.run("rm", "hostile")

    assert unlike == {}


def _rendered(server: OllamaServer, model: str) -> str:
    """Return what Ollama would give the model to read, by its own debugging field."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "_debug_render_only": True}
    connection.request("POST", "/api/chat", json.dumps({**body, "stream": False}))
    answer: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return str(answer["_debug_info"]["rendered_template"])
