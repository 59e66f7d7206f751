"""docs/events.md names every event with all its fields, and says rightly which ones are durable."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from studio.jobs.events import AnyEvent, Event
from studio.jobs.process.control import COMMANDS

DOC = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")
EVENTS: tuple[type[Event], ...] = get_args(get_args(AnyEvent)[0])


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_an_event_is_described(event: type[Event]) -> None:
    name = event.model_fields["type"].default
    row = re.search(rf"^\| `{name}` \|([^|]*)\|([^|]*)\|", DOC, re.MULTILINE)
    assert row is not None
    assert row[1].strip() == ("yes" if event.durable else "")
    assert re.findall(r"`(\w+)`", row[2]) == [field for field in event.model_fields if field != "type"]


def test_no_event_is_described_that_is_not_there() -> None:
    table = DOC.split("### The types")[1].split("###")[0]
    described = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(set(described) - {"type"}) == sorted(event.model_fields["type"].default for event in EVENTS)


def test_all_commands_are_described() -> None:
    assert all(f"`{command}`" in DOC for command in COMMANDS)
