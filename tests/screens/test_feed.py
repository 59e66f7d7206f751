"""Rows of a job that brings thousands: the newest of all and the newest failures, and no more."""

from __future__ import annotations

from textual.content import Content

from studio.screens.generate.feed import Feed, Row


def test_failures_stay_although_thousands_of_examples_follow() -> None:
    feed = Feed(most=3)
    feed.put("bad", Row(Content("✗"), place="tiny/rust"))
    for number in range(10):
        feed.put(f"{number}", Row(Content("·")))
    assert feed.ids() == ["9", "8", "7"]
    assert feed.ids(failures=True) == ["bad"]
    assert set(feed.lines) == {"9", "8", "7", "bad"}
    assert feed.get("0") is None
    for number in range(4):
        feed.put(f"bad {number}", Row(Content("✗"), place=f"tiny/{number % 2}"))
    assert feed.ids(failures=True) == ["bad 3", "bad 2", "bad 1"]
    assert feed.places == ("tiny/1", "tiny/0")
    assert feed.get("bad") is None
    assert set(feed.lines) == {"bad 3", "bad 2", "bad 1"}


def test_a_row_that_changes_stays_in_its_place() -> None:
    feed = Feed()
    for name in ("a", "b", "c"):
        feed.put(name, Row(Content("·")))
    feed.put("b", Row(Content("✗"), place="tiny/rust"))
    assert feed.ids() == ["c", "b", "a"]
    assert feed.ids(failures=True) == ["b"]
    feed.clear()
    assert feed.ids() == feed.ids(failures=True) == []
