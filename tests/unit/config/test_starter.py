"""Starter lines: a bad one is told with file and line, the good ones are kept."""

from __future__ import annotations

import json
from pathlib import Path

from studio.config.recipes import load_recipes
from studio.config.starter import load_starter
from studio.workspace import default_content

RECIPES = load_recipes(default_content() / "recipes").items
RECIPE = RECIPES[0]


def line(number: int, **changes: object) -> str:
    messages = [{"role": "user", "content": "Merhaba"}, {"role": "assistant", "content": "Selam! ✨"}]
    values = {"id": f"s-{number:03}", "recipe": RECIPE.name, "slot": RECIPE.slots[0].id, "messages": messages}
    return json.dumps(values | changes, ensure_ascii=False)


def test_good_lines_are_kept_and_bad_ones_told(tmp_path: Path) -> None:
    lines = [
        line(1),
        "",
        "{not json",
        line(2),
        "[1, 2]",
        line(3, slot="nowhere"),
        line(4, recipe="nothing"),
        line(5, messages=[{"role": "robot", "content": "x"}, {"role": "assistant", "content": "y"}]),
        line(1),
        line(6, extra=1),
        '{"id": "s-007", "recipe": "a", "slot": "b", "messages": [{"role": "user", "content": "\\ud800"}]}',
        "[" * 100_000,
        line(8),
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    starter = load_starter(tmp_path, RECIPES)
    assert [example.id for example in starter.items] == ["s-001", "s-002", "s-008"]
    told = {(problem.line, problem.key) for problem in starter.problems}
    assert {
        (3, ""),
        (5, ""),
        (6, "slot"),
        (7, "recipe"),
        (8, "messages[0].role"),
        (9, "id"),
        (10, "extra"),
    } <= told
    assert {11, 12} <= {problem.line for problem in starter.problems}
    assert all(problem.file.name == "a.jsonl" for problem in starter.problems)


def test_an_id_is_taken_across_files(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(line(1), encoding="utf-8")
    (tmp_path / "b.jsonl").write_text(line(2) + "\n" + line(1), encoding="utf-8")
    starter = load_starter(tmp_path, RECIPES)
    assert [example.id for example in starter.items] == ["s-001", "s-002"]
    (problem,) = starter.problems
    assert (problem.file.name, problem.line) == ("b.jsonl", 2)
    assert "a.jsonl:1" in problem.found


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path: Path) -> None:
    text = line(
        1, messages=[{"role": "user", "content": "a\u2028b"}, {"role": "assistant", "content": "c\x85d"}]
    )
    (tmp_path / "a.jsonl").write_text(text, encoding="utf-8")
    starter = load_starter(tmp_path, RECIPES)
    assert starter.problems == ()
    assert starter.items[0].messages[0].content == "a\u2028b"


def test_a_file_that_is_no_text_keeps_no_other_back(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "b.jsonl").write_text(line(1), encoding="utf-8")
    starter = load_starter(tmp_path, RECIPES)
    assert [example.id for example in starter.items] == ["s-001"]
    assert starter.problems[0].expected == "text in UTF-8"
