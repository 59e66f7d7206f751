"""Mistakes in TOML are told with file, key, line, what was found and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.config.errors import ConfigError
from studio.config.persona import load_persona

GOOD = """
name = "ADA"
languages = ["en"]
system_prompt = "You are ADA."

[sampling]
top_k = 20

[[traits]]
name = "warmth"
markers = ["kind"]

[[phases]]
id = 1
name = "Foundation"

[[phases]]
id = 2
name = "Core"
gate = 0.75
suites = ["technical"]

[targets]
technical = 10
"""


def persona_with(tmp_path: Path, old: str, new: str) -> Path:
    file = tmp_path / "persona.toml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new), encoding="utf-8")
    return file


def test_a_good_file_is_read(tmp_path: Path) -> None:
    persona = load_persona(persona_with(tmp_path, "ADA.", "ADA, the first."))
    assert persona.name == "ADA"
    assert persona.sampling.top_k == 20
    assert persona.sampling.temperature == 0.8
    assert [phase.gate for phase in persona.phases] == [None, 0.75]
    assert persona.total_target == 10


@pytest.mark.parametrize(
    ("old", "new", "key", "found", "expected", "line"),
    [
        ("top_k = 20", 'top_k = "20"', "sampling.top_k", '"20"', "a valid integer", 7),
        ("top_k = 20", "top_p = 1.5", "sampling.top_p", "1.5", "less than or equal to 1", 7),
        ("top_k = 20", "top_kk = 20", "sampling.top_kk", "an unknown key", "`top_k`", 7),
        ("gate = 0.75", "gate = 75", "phases[1].gate", "75", "less than or equal to 1", 20),
        ("gate = 0.75", "gates = 0.75", "phases[1].gates", "an unknown key", "`gate`", 20),
        ('name = "Core"', "", "phases[1].name", "nothing", "a value", 17),
        ('languages = ["en"]', 'languages = ["en", "de"]', "languages[1]", '"de"', "'tr' or 'en'", 3),
        ('languages = ["en"]', "languages = []", "languages", "a list of 0", "at least 1 item", 3),
        ('name = "ADA"', "name = true", "name", "true", "a valid string", 2),
        ("id = 2", "id = 1", "", "phase `1` twice", "each phase once", None),
        ("technical = 10", "technical = -1", "targets.technical", "-1", "greater than or equal to 0", 24),
    ],
)
def test_a_mistake_names_its_place(
    tmp_path: Path, old: str, new: str, key: str, found: str, expected: str, line: int | None
) -> None:
    file = persona_with(tmp_path, old, new)
    with pytest.raises(ConfigError) as raised:
        load_persona(file)
    error = raised.value
    assert (error.file, error.key, error.found, error.line) == (file, key, found, line)
    assert expected in error.expected
    assert str(file) in str(error)


def test_all_mistakes_are_named(tmp_path: Path) -> None:
    file = persona_with(tmp_path, "top_k = 20", 'top_k = "x"\nextra = 1')
    with pytest.raises(ConfigError) as raised:
        load_persona(file)
    assert [problem.key for problem in raised.value.problems] == ["sampling.top_k", "sampling.extra"]
    assert len(str(raised.value).splitlines()) == 2


def test_an_unknown_key_that_is_like_none_lists_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load_persona(persona_with(tmp_path, "top_k = 20", "zzz = 1"))
    assert raised.value.expected == "one of temperature, top_p, top_k, repeat_penalty"


@pytest.mark.parametrize(
    ("content", "line", "found"),
    [
        (b'name = "ADA\n', 1, "illegal character"),
        (b'name = "ADA"\nlanguages = [\n', 3, "invalid value"),
        (b'name = "A"\nname = "B"\n', 2, "cannot overwrite"),
        (b'name = "ADA"\n\nx = "\xff"\n', 3, "byte 0xff"),
        (b"[[[", 1, ""),
    ],
)
def test_what_is_not_toml_is_told_with_its_line(
    tmp_path: Path, content: bytes, line: int, found: str
) -> None:
    file = tmp_path / "persona.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        load_persona(file)
    assert raised.value.line == line
    assert found in raised.value.found
    assert raised.value.expected in {"valid TOML", "text in UTF-8"}


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as missing:
        load_persona(tmp_path / "persona.toml")
    assert missing.value.found == "no file"
    with pytest.raises(ConfigError) as folder:
        load_persona(tmp_path)
    assert folder.value.expected == "a file that can be read"


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "persona.toml"
    file.write_text(GOOD, encoding="utf-8-sig")
    assert load_persona(file).name == "ADA"


def test_long_and_hostile_values_are_shown_short_and_plain(tmp_path: Path) -> None:
    hostile = 'top_k = "' + "\\u001b[31m" + "x" * 500 + '"'
    with pytest.raises(ConfigError) as raised:
        load_persona(persona_with(tmp_path, "top_k = 20", hostile))
    assert "\x1b" not in raised.value.found
    assert len(raised.value.found) < 100


def test_an_error_has_the_three_parts_that_people_need(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load_persona(tmp_path / "persona.toml")
    error = raised.value
    assert "persona.toml" in error.what
    assert error.kept
    assert "persona.toml" in error.to_do


def test_models_are_frozen(tmp_path: Path) -> None:
    persona = load_persona(persona_with(tmp_path, "ADA.", "ADA."))
    with pytest.raises(ValueError, match="frozen"):
        persona.name = "EVE"  # type: ignore[misc]
