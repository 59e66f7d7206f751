"""Whatever a teacher sends becomes conversations or one clear reason."""

from __future__ import annotations

import json

import pytest

from studio.jobs.generate.parse import ReplyError, conversations

PAIR = [
    {"role": "user", "content": "Owl pattern nedir?"},
    {"role": "assistant", "content": "Önce geniş bakmaktır ✨"},
]


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps({"examples": [{"messages": PAIR}]}),
        "Here you are:\n```json\n" + json.dumps({"examples": [{"messages": PAIR}]}) + "\n```\nEnjoy!",
        json.dumps([{"messages": PAIR}]),
        json.dumps({"messages": PAIR}),
        json.dumps({"turns": PAIR, "metadata": {"mood": "x"}}),
        json.dumps({"question": PAIR[0]["content"], "answer": PAIR[1]["content"]}),
        # Cut off, and with a comma too many: what json-repair is for.
        json.dumps({"examples": [{"messages": PAIR}]})[:-3],
        json.dumps({"examples": [{"messages": PAIR}]}).replace("}]}]}", "},]},]}"),
    ],
)
def test_forms_that_are_read(reply: str) -> None:
    (found,) = conversations(reply)
    assert [(m.role, m.content) for m in found] == [(m["role"], m["content"]) for m in PAIR]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "empty"),
        ("I can't help with that.", "prose without JSON"),
        ("{}", "no example"),
        ('{"examples": []}', "no example"),
        ('{"examples": [{"messages": [{"role": "robot", "content": "x"}]}]}', "no example"),
        ('{"examples": "[/red]"}', "no example"),
        ("x" * 500_000, "500,000 characters"),
    ],
)
def test_what_holds_nothing_says_why(reply: str, reason: str) -> None:
    with pytest.raises(ReplyError, match=reason):
        conversations(reply)


@pytest.mark.parametrize("reply", ["[" * 50_000, '{"a":' * 50_000, "{\0}", '{"question": 1, "answer": null}'])
def test_hostile_json_is_one_clear_error(reply: str) -> None:
    with pytest.raises(ReplyError):
        conversations(reply)


def test_good_examples_beside_bad_ones_are_kept() -> None:
    reply = json.dumps({"examples": [{"messages": PAIR}, {"messages": 7}, "x", {"messages": PAIR}]})
    assert len(conversations(reply)) == 2
