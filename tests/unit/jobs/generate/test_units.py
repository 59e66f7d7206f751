"""A plan spreads evenly, names its units stably and asks only for what is missing."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from store.models import SourceDocument
from studio.config.recipes import Prompt, Recipe, Slot
from studio.jobs.generate.units import Unit, another, missing, plan, shares

RECIPE = Recipe(
    name="r",
    title="R",
    category="technical",
    phase=2,
    target=10,
    shape="single",
    languages=("en", "tr"),
    slots=(Slot(id="a", title="A"), Slot(id="b", title="B", languages=("tr",)), Slot(id="c", title="C")),
    sources=("technical",),
    examples_per_request=2,
    prompt=Prompt(system="s", user="u"),
)
SOURCES = [
    SourceDocument(
        category="technical", kind="function", title=t, path=t, lines=(1, 2), text=f"fn {t}()", sha256="0"
    )
    for t in ("one", "two")
]


def planned(wanted: int, order_id: str) -> list[Unit]:
    return list(plan([RECIPE], missing([RECIPE], lambda _: wanted, {}), SOURCES, order_id))


@given(st.integers(0, 20_000), st.integers(1, 40))
def test_shares_are_even_to_the_last_one(target: int, slots: int) -> None:
    found = shares(target, slots)
    assert sum(found) == target
    assert max(found) - min(found) <= 1


@given(st.integers(0, 200), st.dictionaries(st.sampled_from("abc"), st.integers(0, 80)))
def test_units_ask_for_exactly_what_is_missing(wanted: int, have: dict[str, int]) -> None:
    lacking = missing([RECIPE], lambda _: wanted, {("r", slot): n for slot, n in have.items()})
    units = list(plan([RECIPE], lacking, [], "job"))
    asked: Counter[str] = Counter()
    for unit in units:
        assert 1 <= unit.count <= RECIPE.examples_per_request
        asked[unit.slot] += unit.count
    for slot, share in zip("abc", shares(wanted, 3), strict=True):
        assert asked[slot] == max(0, share - have.get(slot, 0))
    assert len({unit.id for unit in units}) == len(units)


def test_the_same_order_has_the_same_ids_and_another_has_others() -> None:
    first = [unit.id for unit in planned(9, "job")]
    again = [unit.id for unit in planned(9, "job")]
    other = [unit.id for unit in planned(9, "later")]
    assert first == again
    assert not set(first) & set(other)


def test_units_take_turns_in_material_and_language() -> None:
    units = planned(12, "job")
    assert {unit.source_path for unit in units} == {"one", "two"}
    assert {unit.language for unit in units if unit.slot == "a"} == {"en", "tr"}
    assert {unit.language for unit in units if unit.slot == "b"} == {"tr"}


def test_a_slot_alone_is_topped_up_to_its_own_share() -> None:
    lacking = missing([RECIPE], lambda _: 10, {("r", "b"): 1}, chosen=lambda _, slot: slot.id == "b")
    assert lacking == {("r", "b"): 2}


def test_more_is_beyond_what_is_there() -> None:
    assert missing([RECIPE], lambda _: 0, {("r", "a"): 50}, more=4) == {
        ("r", "a"): 2,
        ("r", "b"): 1,
        ("r", "c"): 1,
    }


def test_added_units_have_ids_of_their_own() -> None:
    first = planned(9, "job")[0]
    added = [another(first, 1, number, "en") for number in range(1, 50)]
    assert len({unit.id for unit in (first, *added)}) == 50
    assert added[0].source_text == first.source_text
