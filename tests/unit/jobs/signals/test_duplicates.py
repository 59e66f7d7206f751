"""Near-duplicates are found, others are not."""

from __future__ import annotations

import pytest

from studio.jobs.signals.duplicates import DuplicateIndex

TEXT = (
    "Owl pattern first: listen to the whole forest before you dive for a single mouse. "
    "The log of the last hour is the forest, and the request that fails is the mouse you want. "
    "Write down what you heard, cross out what repeats every minute, and look at what is left. "
    "If nothing is left, widen the circle by one service and listen again, slowly, without touching anything."
)


def test_nearly_the_same_text_is_found_with_its_neighbour() -> None:
    index = DuplicateIndex()
    assert index.add("a", TEXT) == ()
    assert index.add("b", "Dimensional navigation holds every axis still but one, and walks along it.") == ()
    (found,) = index.add("c", TEXT.replace("last hour", "last day") + " ✨")
    assert found.id == "a"
    assert 0.8 <= found.similarity <= 1.0


def test_case_and_punctuation_do_not_matter() -> None:
    index = DuplicateIndex()
    index.add("a", TEXT)
    (found,) = index.add("b", TEXT.upper().replace(".", "!"))
    assert found.similarity == 1.0


def test_one_word_is_compared_too() -> None:
    index = DuplicateIndex()
    index.add("a", "Merhaba")
    assert [neighbour.id for neighbour in index.add("b", "merhaba!")] == ["a"]
    assert index.add("c", "Selam") == ()


def test_all_neighbours_come_the_nearest_first() -> None:
    index = DuplicateIndex()
    index.add("far", TEXT.replace("last hour", "last day"))
    index.add("same", TEXT)
    found = index.add("new", TEXT)
    assert [neighbour.id for neighbour in found] == ["same", "far"]
    assert found[0].similarity > found[1].similarity


def test_a_key_is_added_once() -> None:
    index = DuplicateIndex()
    index.add("a", TEXT)
    with pytest.raises(ValueError, match="already exists"):
        index.add("a", TEXT)
