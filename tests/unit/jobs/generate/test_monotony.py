"""Monotony by recipe, near-duplicates over the dataset, and what the screen shows of both."""

from __future__ import annotations

from pathlib import Path

from store.models import Message
from studio.jobs.events import Log, RecipeFigures, Traffic
from studio.jobs.generate.monotony import ENOUGH, Monotony, closing
from studio.jobs.generate.novelty import KNOWN_FILE, Known, Novelty, load_known, save_known
from studio.jobs.generate.picture import Picture


def test_what_replies_have_in_common_is_told_from_enough_replies_on() -> None:
    monotony = Monotony(0.2)
    for number in range(ENOUGH - 1):
        monotony.add("r", f"Hadi bakalım birlikte {number}, sonra {number}")
    assert monotony.worst("r") is None
    monotony.add("r", "Something else")
    alike = monotony.worst("r")
    assert alike is not None
    assert str(alike) == "95% of the replies begin “hadi bakalım birlikte”"
    assert monotony.worst("other") is None


def test_closings_and_emoji_count_each_by_its_own_threshold() -> None:
    monotony = Monotony(0.5)
    for number in range(40):
        monotony.add(
            "r",
            f"{chr(97 + number % 26) * 3} begins it {number} and what do you think? {'✨' * (number % 2)}",
        )
    alike = monotony.worst("r")
    assert alike is not None
    assert (alike.kind, alike.what, alike.share) == ("end", "do you think", 1.0)
    emoji = Monotony(0.99)
    for number in range(40):
        emoji.add("r", f"{chr(97 + number % 26) * 3} {number} 🚀🚀 {chr(97 + number % 25) * 4}")
    alike = emoji.worst("r")
    assert alike is not None
    assert (alike.kind, alike.what) == ("have", "🚀")


def test_many_different_openings_take_no_endless_memory() -> None:
    monotony = Monotony()
    for number in range(6_000):
        letters = "".join(chr(97 + int(digit)) for digit in str(number))
        monotony.add("r", f"{letters} one two three {letters}")
    assert monotony.worst("r") is None
    assert all(len(counter) <= 4_096 for counter in monotony._habits["r"].counts.values())


def test_a_closing_is_the_last_three_words_whatever_follows_them() -> None:
    assert closing("So what do YOU think? ✨🚀 !!") == "do you think"
    assert closing("") == ""


def test_what_is_known_goes_through_the_jobs_folder(tmp_path: Path) -> None:
    known = [Known("a", "r", ("What is it?\u2028", "It is\ud800 a river of words that goes on and on."))]
    save_known(tmp_path, known)
    assert list(load_known(tmp_path)) == known
    assert (tmp_path / KNOWN_FILE).stat().st_mode & 0o077 == 0
    novelty = Novelty(0.8, 0.2)
    for one in load_known(tmp_path):
        novelty.add_known(one)
    again = tuple(Message(role="user", content=text) for text in known[0].contents)
    nearest = novelty.add("b", "r", again)
    assert nearest is not None
    assert (nearest.id, nearest.similarity) == ("a", 1.0)
    # The same example again, as after a kill, is not its own duplicate.
    assert novelty.add("b", "r", again) is None
    assert list(load_known(tmp_path / "none")) == []


def test_the_picture_warns_of_what_climbs() -> None:
    picture = Picture()
    for event in (
        Log(text="x"),
        RecipeFigures(recipe="calm", wanted=100, made=99, duplicates=1),
        RecipeFigures(recipe="few", wanted=10, made=1, duplicates=5),
        RecipeFigures(recipe="dup", wanted=100, made=60, duplicates=20, exhausted=("one",)),
        RecipeFigures(recipe="bad", wanted=100, made=50, rejected=50, failed=3),
        RecipeFigures(recipe="fail", wanted=100, made=10, failed=6),
        RecipeFigures(recipe="same", wanted=100, made=90, monotony="40% begin “x”", monotony_share=0.4),
        Traffic(in_flight=3),
    ):
        picture = picture.after(event)
    assert picture.warnings() == [
        "fail: 6 requests failed",
        "bad: 50% break the recipe",
        "same: 40% begin “x”",
        "dup: 25% are near-duplicates",
        "dup: exhausted: one",
    ]
    assert (picture.failed, picture.rejected, picture.duplicates) == (9, 50, 26)
    assert picture.exhausted() == ("dup/one",)
    assert picture.note("dup") == "dup 25.0%"
    assert picture.note("calm") == "dup 1.0%"
    assert picture.note("unheard of") == ""
    assert picture.traffic.in_flight == 3
