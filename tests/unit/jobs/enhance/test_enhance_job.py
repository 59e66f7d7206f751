"""Enhancing a stored dataset: a preview, one act, one undo; by the job and by the command."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from click.testing import CliRunner

from store.database import Store
from store.live import AsyncStore
from store.models import Example, Message, Status
from studio.jobs.enhance.job import Spec, run
from studio.jobs.events import Event, Finished, Log
from studio.jobs.review.desk import Desk
from studio.jobs.review.live import LiveCatalog
from studio.workspace import Workspace, default_content

HOSTILE = "[/red] \x1b[31m"


def examples() -> list[Example]:
    return [
        Example(
            id=f"{number:032x}",
            messages=(
                Message(role="user", content="It works now! Can you explain why?"),
                Message(
                    role="assistant",
                    content=f"Number {number} was never set. {HOSTILE}\n\n```\nx = {number}\n```",
                ),
            ),
            category="technical" if number % 2 else "personality",
            status=[Status.PENDING, Status.ACCEPTED, Status.REJECTED, Status.FLAGGED][number % 4],
        )
        for number in range(80)
    ]


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    shutil.copy(default_content() / "persona.toml", workspace.persona_file)
    return workspace


@pytest_asyncio.fixture
async def filled(ready: Workspace, store: AsyncStore) -> AsyncIterator[AsyncStore]:
    await store.write(lambda database: database.examples.put_many(examples()))
    yield store


async def enhance(workspace: Workspace, store: AsyncStore, **spec: object) -> list[Event]:
    return [event async for event in run(Spec.model_validate(spec), workspace, store)]


def result(events: list[Event]) -> dict[str, object]:
    end = events[-1]
    assert isinstance(end, Finished)
    return end.result


async def stored(store: AsyncStore) -> dict[str, Example]:
    return {e.id: e for e in await store.run(lambda database: database.examples.find())}


async def test_a_preview_shows_diffs_and_changes_nothing(ready: Workspace, filled: AsyncStore) -> None:
    before = await stored(filled)
    events = await enhance(ready, filled, dry_run=True, show=2)
    shown = [event.text for event in events if isinstance(event, Log)]
    assert len(shown) == 2
    assert "+ Number 0 was never set." in shown[0]
    assert "x = " not in shown[0]
    assert result(events)["enhanced"] == 60
    listed = result(events)["shown"]
    assert isinstance(listed, list)
    assert listed[0]["changes"][0]["kind"] == "celebration"
    assert await stored(filled) == before


async def test_new_versions_are_pending_one_act_and_come_once(ready: Workspace, filled: AsyncStore) -> None:
    before = await stored(filled)
    events = await enhance(ready, filled, category="technical", seed=7)
    after = await stored(filled)
    changed = [e for e in after.values() if e != before[e.id]]
    assert result(events)["enhanced"] == len(changed) == 40
    assert {e.category for e in changed} == {"technical"}
    assert {e.status for e in changed} == {Status.PENDING}
    assert {e.provenance.enhanced for e in changed} == {"enhancer, seed 7"}
    assert {e.decisions[-1].batch_id for e in changed} == {result(events)["batch_id"]}
    assert all(e.original == before[e.id].messages for e in changed)
    assert all("celebration" in (e.decisions[-1].reason or "") for e in changed)
    # Again, by whatever dice, nothing of it is touched.
    assert result(await enhance(ready, filled, category="technical", seed=8))["enhanced"] == 0
    assert await stored(filled) == after


async def test_one_undo_takes_all_of_it_back(ready: Workspace, filled: AsyncStore) -> None:
    before = await stored(filled)
    live = LiveCatalog(filled)
    following = asyncio.create_task(live.run())
    try:
        await enhance(ready, filled)
        desk = Desk(filled, live)
        assert len(await desk.undo()) == 60
        after = await stored(filled)
        assert {key: e.model_copy(update={"undone": ()}) for key, e in after.items()} == before
        assert len(await desk.redo()) == 60
        assert sum(e.provenance.enhanced is not None for e in (await stored(filled)).values()) == 60
    finally:
        following.cancel()


async def test_a_limit_is_kept(ready: Workspace, filled: AsyncStore) -> None:
    assert result(await enhance(ready, filled, limit=7))["enhanced"] == 7
    assert sum(e.provenance.enhanced is not None for e in (await stored(filled)).values()) == 7
    # The next seven are others.
    assert result(await enhance(ready, filled, limit=7))["enhanced"] == 7


def test_the_command_previews_and_enhances(ready: Workspace) -> None:
    from studio.commands.enhance import command

    with Store.open(ready.database) as database:
        database.examples.put_many(examples())
    where = ["-w", str(ready.root), "--status", "accepted"]
    shown = CliRunner().invoke(command, [*where, "--preview", "--show", "1"])
    assert shown.exit_code == 0, shown.output
    assert "+ Number 1 was never set." in shown.output
    assert "would be enhanced" in shown.output
    assert "\x1b" not in shown.output
    done = CliRunner().invoke(command, [*where, "--seed", "3", "--json"])
    assert done.exit_code == 0, done.output
    ends = [json.loads(line) for line in done.output.splitlines() if '"finished"' in line]
    assert ends[0]["result"]["enhanced"] == 20
    with Store.open(ready.database, readonly=True) as database:
        made = [e for e in database.examples if e.provenance.enhanced]
        assert len(made) == 20
        # The new words are measured.
        assert all(e.signals.words is not None for e in made)
