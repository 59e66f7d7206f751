"""Which examples train, and on which side."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.models import Example, Message, Signals
from studio.jobs.events import JobError
from studio.jobs.train.choose import choose
from studio.jobs.train.dataset import read_about, read_rows, write_dataset


def example(name: str, **fields: object) -> Example:
    messages = (
        Message(role="user", content=f"soru {name}"),
        Message(role="assistant", content=f"cevap {name}"),
    )
    return Example.model_validate({"id": name, "messages": messages, "category": "turkish"} | fields)


MANY = [example(f"e{number:03}") for number in range(300)]


def test_about_a_tenth_validates_and_always_the_same() -> None:
    choice = choose(MANY)
    assert 15 <= len(choice.valid) <= 45
    assert len(choice.train) + len(choice.valid) == 300
    assert choose(reversed(MANY)) == choice


def test_more_examples_leave_the_others_where_they_are() -> None:
    fewer, more = choose(MANY[:200]).splits, choose(MANY).splits
    assert fewer == {name: more[name] for name in fewer}


def test_a_group_is_on_one_side() -> None:
    grouped = [example(f"v{number}", group=f"g{number % 40}") for number in range(160)]
    splits = choose(grouped).splits
    sides = {(f"g{int(name[1:]) % 40}", side) for name, side in splits.items()}
    assert len(sides) == 40


def test_frozen_splits_are_kept_and_draw_their_group_along() -> None:
    side = choose(MANY).splits["e000"]
    other = "valid" if side == "train" else "train"
    frozen = example("e000", split=other, frozen_by="r1", group="same")
    choice = choose([frozen, example("later", group="same"), *MANY[1:]])
    assert choice.splits["e000"] == choice.splits["later"] == other


def test_frozen_test_examples_are_in_neither() -> None:
    choice = choose([example("t", split="test", frozen_by="r1"), *MANY])
    assert choice.test == 1
    assert "t" not in choice.splits


def test_near_duplicates_stay_out_unless_they_are_allowed() -> None:
    repeat = Signals(near_duplicate_of="e001")
    allowed = repeat.model_copy(update={"near_duplicate_allowed": True})
    orphan = Signals(near_duplicate_of="was rejected")
    some = [*MANY, example("n", signals=repeat), example("a", signals=allowed), example("o", signals=orphan)]
    choice = choose(some)
    assert choice.near_duplicates == 1
    assert {"n", "a", "o"} & set(choice.splits) == {"a", "o"}
    assert "n" in choose(some, allow_near_duplicates=True).splits


@pytest.mark.parametrize("count", [2, 3, 5])
def test_few_examples_still_have_two_sides(count: int) -> None:
    choice = choose(MANY[:count])
    assert choice.train and choice.valid


def test_nothing_accepted_says_so() -> None:
    with pytest.raises(JobError, match="no example is accepted"):
        choose([])


def test_one_group_is_too_few() -> None:
    with pytest.raises(JobError, match="too few"):
        choose([example("a", group="g"), example("b", group="g")])


def test_all_frozen_on_one_side_is_too_few() -> None:
    with pytest.raises(JobError, match="too few"):
        choose([example(f"f{n}", split="train", frozen_by="r1") for n in range(9)])


def test_the_dataset_is_rendered_as_it_is_deployed(tmp_path: Path) -> None:
    own = example("own").model_copy(
        update={"messages": (Message(role="system", content="In a hurry."), *MANY[0].messages)}
    )
    left_out = example("left").model_copy(update={"left_out_turns": (1,)})
    about = write_dataset(choose([*MANY, own, left_out]), "You are JESSY.", tmp_path)
    rows = {row.id: row for name in ("train", "valid") for row in read_rows(tmp_path, name)}
    assert rows["e000"].plain == [
        {"role": "system", "content": "You are JESSY."},
        {"role": "user", "content": "soru e000"},
        {"role": "assistant", "content": "cevap e000"},
    ]
    assert rows["own"].plain[0]["content"] == "You are JESSY.\n\nIn a hurry."
    assert rows["left"].left_out_turns == (2,)
    assert read_about(tmp_path) == about
    assert about.splits.keys() == rows.keys()


def test_the_hash_names_the_data(tmp_path: Path) -> None:
    def sha(examples: list[Example], prompt: str, name: str) -> str:
        (tmp_path / name).mkdir()
        return write_dataset(choose(examples), prompt, tmp_path / name).sha256

    first = sha(MANY, "p", "1")
    assert sha(list(reversed(MANY)), "p", "2") == first
    assert sha(MANY[:-1], "p", "3") != first
    assert sha(MANY, "q", "4") != first


def test_hostile_text_is_written_whole_or_replaced(tmp_path: Path) -> None:
    text = "\x1b[31m\x00\u202e \ud800 ]]> \u2028 ' \" \\ {{x}}"
    odd = example("odd").model_copy(
        update={"messages": (Message(role="user", content=text), Message(role="assistant", content="ok"))}
    )
    write_dataset(choose([odd, *MANY]), "p", tmp_path)
    rows = {row.id: row for name in ("train", "valid") for row in read_rows(tmp_path, name)}
    assert rows["odd"].plain[1]["content"] == text.replace("\ud800", "?")


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    write_dataset(choose(MANY), "p", tmp_path)
    file = tmp_path / "dataset" / "valid.jsonl"
    file.write_bytes(file.read_bytes() + b'{"id": 3\n')
    lines = len(file.read_bytes().splitlines())
    with pytest.raises(JobError, match=rf"valid.jsonl, line {lines}"):
        read_rows(tmp_path, "valid")
