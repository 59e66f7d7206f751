"""Deciding on many by their JSON is the same as deciding on each by its model."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from store.database import Store
from store.models import DecisionAction, Example, Message, Status
from studio.jobs.review import decisions
from studio.jobs.review.bulk import decide_all

AT = datetime(2026, 11, 26, 12, 0, 0, 5, tzinfo=UTC)


def example(number: int, status: Status) -> Example:
    turns = (Message(role="user", content="Şu?"), Message(role="assistant", content="Bu ✨"))
    made = Example(id=f"{number:032x}", messages=turns, category="c", status=status)
    return decisions.undo(decisions.decide(made, "flag")) if number % 2 else decisions.decide(made, "skip")


@pytest.mark.parametrize("action", ["accept", "reject", "flag", "skip", "reset"])
def test_the_same_as_one_by_one(tmp_path: Path, action: DecisionAction) -> None:
    before = [example(number, status) for number, status in enumerate([*Status, *Status])]
    facts = {"who": "person", "reason": "why", "batch_id": "b", "at": AT}
    with Store.open(tmp_path) as store:
        store.examples.put_many(before)
        ids = [*(e.id for e in before), "f" * 32]
        assert decide_all(store, ids=ids, action=action, **facts) == len(before)  # type: ignore[arg-type]
        assert store.examples.find() == [decisions.decide(e, action, **facts) for e in before]  # type: ignore[arg-type]
        raws = store.examples.raws()
        assert all(
            raw == Example.model_validate_json(raw).model_dump_json().encode() for raw in raws.values()
        )
        counted = {status: sum(e.status == status for e in store.examples) for status in Status}
        assert store.counts.by_status == counted


def test_an_edit_is_no_decision_about_many(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, pytest.raises(ValueError, match="not a decision"):
        decide_all(store, ids=[], action="edit", who="p", reason=None, batch_id="b", at=AT)
