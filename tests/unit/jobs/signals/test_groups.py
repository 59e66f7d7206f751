"""What must share a split shares a group, whatever was grouped before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from store.models import Example, Message, Provenance
from studio.jobs.signals.groups import groups

START = datetime(2026, 1, 1, tzinfo=UTC)


def example(
    key: str, *, parent: str | None = None, group: str | None = None, frozen: bool = False
) -> Example:
    return Example(
        id=key,
        created_at=START + timedelta(seconds=ord(key[0])),
        messages=(Message(role="user", content=key),),
        category="c",
        provenance=Provenance(parent_id=parent),
        group=group,
        frozen_by="r1" if frozen else None,
    )


def test_alone_an_example_is_its_own_group() -> None:
    assert groups([example("a"), example("b")], {}) == {"a": "a", "b": "b"}


def test_a_chain_of_near_duplicates_and_versions_is_one_group() -> None:
    found = groups(
        [example("a"), example("b"), example("c", parent="b"), example("d")], {"b": ["a"], "d": ["gone"]}
    )
    assert found == {"a": "a", "b": "a", "c": "a", "d": "d"}


def test_a_version_that_came_before_its_parent_is_grouped_too() -> None:
    assert groups([example("a", parent="b"), example("b")], {}) == {"a": "a", "b": "a"}


def test_one_that_resembles_two_groups_joins_them() -> None:
    found = groups([example("a", group="a"), example("b", group="b"), example("c")], {"c": ["a", "b"]})
    assert set(found.values()) == {"a"}


def test_the_group_that_a_run_has_used_stays() -> None:
    found = groups(
        [example("a", group="a"), example("b", group="b", frozen=True), example("c")], {"c": ["a", "b"]}
    )
    assert set(found.values()) == {"b"}


def test_two_used_groups_keep_their_names() -> None:
    used = [example("a", group="a", frozen=True), example("b", group="b", frozen=True)]
    assert groups([*used, example("c")], {"c": ["a", "b"]}) == {"a": "a", "b": "b", "c": "a"}


def test_a_stored_group_outlives_the_example_that_gave_it_its_name() -> None:
    found = groups([example("b", group="gone"), example("c", group="gone"), example("d")], {"d": ["c"]})
    assert set(found.values()) == {"gone"}


KEYS = "abcdefgh"


@given(st.dictionaries(st.sampled_from(KEYS), st.lists(st.sampled_from(KEYS), max_size=3)))
def test_whatever_is_linked_shares_a_group_and_grouping_again_changes_nothing(
    links: dict[str, list[str]],
) -> None:
    examples = [example(key) for key in KEYS]
    found = groups(examples, links)
    assert all(found[key] == found[other] for key, others in links.items() for other in others)
    again = groups([e.model_copy(update={"group": found[e.id]}) for e in examples], links)
    assert again == found
