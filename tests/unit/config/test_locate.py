"""The line of a key is found in TOML as people write it."""

from __future__ import annotations

import pytest

from studio.config.locate import line_of

TEXT = '''\
# a comment with name = 1
name = "x"
text = """
name = "not this one"
[[slots]]
"""
one_line = """closed"""

[prompt]
system = "s"

[[slots]]
id = "a"

[[slots]]   # the second
"id" = "b"
title = "t"

[slots.more]
deep = 1

[a.b]
'c' = 2
'''


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("name",), 2),
        (("one_line",), 7),
        (("prompt", "system"), 10),
        (("prompt", "user"), 9),
        (("slots", 0, "id"), 13),
        (("slots", 1, "id"), 16),
        (("slots", 1, "title"), 17),
        (("slots", 1, "languages", 2), 15),
        (("slots", 2, "id"), None),
        (("a", "b", "c"), 23),
        (("missing",), None),
        ((), None),
    ],
)
def test_lines_are_found(location: tuple[int | str, ...], line: int | None) -> None:
    assert line_of(TEXT, location) == line
