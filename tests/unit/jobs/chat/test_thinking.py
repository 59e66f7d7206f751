"""Thoughts between tags, however the stream is cut."""

from __future__ import annotations

import pytest

from studio.jobs.chat.thinking import Splitter


def split(text: str, size: int) -> tuple[str, str]:
    splitter = Splitter()
    parts = [
        part for start in range(0, len(text), size) for part in splitter.take(text[start : start + size])
    ]
    parts += splitter.rest()
    return (
        "".join(words for kind, words in parts if kind == "thought"),
        "".join(words for kind, words in parts if kind == "text"),
    )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>hm, a < b?</think>\n\nÇay.", ("hm, a < b?", "Çay.")),
        ("\n<think>\nx</think>y", ("\nx", "y")),
        ("Çay <think>no</think>", ("", "Çay <think>no</think>")),
        ("<thi", ("", "<thi")),
        ("<think>never ends</thi", ("never ends</thi", "")),
        ("", ("", "")),
        ("2 < 3", ("", "2 < 3")),
    ],
)
def test_thoughts_and_text(text: str, expected: tuple[str, str], size: int) -> None:
    assert split(text, size) == expected
