"""Before an order: three examples with what was sent and what they cost, and what leaves this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from store.live import AsyncStore
from store.models import SourceDocument
from studio.config.recipes import load_recipe, write_prompt
from studio.jobs.events import Failed, JobError
from studio.jobs.generate.leaving import AGREED_FILE, FIELDS, agree, not_agreed, what_leaves
from studio.jobs.generate.order import Spec
from studio.jobs.generate.previews import PREVIEWS_FILE, samples
from studio.jobs.manager import JobManager
from studio.workspace import Workspace
from tests.fixtures.messages_server import MessagesServer, Step, steps
from tests.unit.jobs.generate.conftest import Trying, inputs_of, tried


async def test_a_preview_shows_what_was_sent_what_came_and_what_it_cost(
    workspace: Workspace, store: AsyncStore, trying: Trying, paid_spec: Spec, server: MessagesServer
) -> None:
    events = await trying(paid_spec)
    found = tried(events)
    assert len(found) == len(server.asked) == 3
    assert {one.slot for one in found} == {"rust", "python"}
    assert all("Write 1 about" in one.user and "You write examples." in one.system for one in found)
    assert all(len(one.conversation) == 2 and not one.reason for one in found)
    cost = sum(one.cost_usd or 0 for one in found)
    assert cost == pytest.approx(server.billed_usd)
    # It is paid for, so it is on the disk, and in the sum of the Overview.
    assert [s.cost_usd for s in samples(workspace)] == [one.cost_usd for one in found]
    assert sum(job.spent_usd for job in await store.run(lambda db: db.jobs.find())) == pytest.approx(cost)
    assert await store.run(lambda db: len(db.examples)) == 0


async def test_other_words_are_tried_in_place_and_written_when_they_are_good(
    workspace: Workspace, trying: Trying, paid_spec: Spec, server: MessagesServer
) -> None:
    await trying(
        paid_spec, system="Be brief. {glossary}", user="Write {count} poems on {slot}.\nIn {languages}."
    )
    assert server.asked[0].prompt.startswith("Write 1 poems on")
    assert server.asked[0].body["system"][0]["text"].startswith("Be brief. dimensional navigation:")
    file = workspace.recipes / "tiny.toml"
    file.write_text(f"# mine\n{file.read_text()}")
    write_prompt(file, "Be brief. {glossary}", "Write {count} poems on {slot}.\nIn {languages}.")
    recipe = load_recipe(file)
    assert recipe.prompt.user == "Write {count} poems on {slot}.\nIn {languages}."
    assert recipe.prompt.system == "Be brief. {glossary}"
    assert file.read_text().startswith("# mine\n")
    assert [slot.id for slot in recipe.slots] == ["rust", "python"]


async def test_words_that_cannot_be_used_are_told_and_nothing_is_sent(
    trying: Trying, paid_spec: Spec, server: MessagesServer
) -> None:
    end = (await trying(paid_spec, user="Write {number} of them"))[-1]
    assert isinstance(end, Failed)
    assert "{number}" in end.what
    assert server.asked == []


async def test_a_preview_is_within_the_budget_and_says_what_broke(
    trying: Trying, paid_spec: Spec, server: MessagesServer
) -> None:
    end = (await trying(paid_spec.model_copy(update={"budget_usd": 0.01})))[-1]
    assert isinstance(end, Failed)
    assert "more than the budget of $0.01" in end.what
    assert server.asked == []
    server.script = [Step("text", text="Sure!"), *steps(["429", "cut json"])]
    found = tried(await trying(paid_spec))
    assert sorted(bool(one.reason) for one in found) == [False, False, True]
    assert next(one for one in found if one.reason).reason == "the reply is prose without JSON"


async def test_nothing_is_sent_before_it_is_agreed_to(
    workspace: Workspace, store: AsyncStore, trying: Trying, paid_spec: Spec, server: MessagesServer
) -> None:
    (workspace.data / AGREED_FILE).unlink()
    end = (await trying(paid_spec))[-1]
    assert isinstance(end, Failed)
    assert "Nobody has agreed yet" in end.what
    manager = JobManager(workspace, store)
    with pytest.raises(JobError, match="Nobody has agreed yet"):
        await manager.start("generate", paid_spec)
    assert server.asked == []


async def test_new_files_are_asked_for_again_and_local_ones_never_leave(
    workspace: Workspace, store: AsyncStore, paid_spec: Spec
) -> None:
    def source(path: str, *, local_only: bool = False) -> SourceDocument:
        return SourceDocument(
            category="technical", kind="function", title=path, path=path, lines=(1, 2), language="rust",
            text=f"fn {path}", sha256="0", local_only=local_only,
        )  # fmt: skip

    await store.write(lambda db: db.sources.put_many([source("a.rs"), source("b.rs", local_only=True)]))
    leaving = what_leaves(await inputs_of(paid_spec, workspace, store))
    assert leaving is not None
    assert leaving.server == paid_spec.base_url
    assert (leaving.files, leaving.fields) == (("technical: a.rs",), FIELDS)
    new = not_agreed(workspace, leaving)
    assert (new.files, new.fields) == (("technical: a.rs",), ())
    agree(workspace, new)
    assert not not_agreed(workspace, leaving)
    await store.write(lambda db: db.sources.put(source("c.rs")))
    later = what_leaves(await inputs_of(paid_spec, workspace, store))
    assert later is not None
    assert not_agreed(workspace, later).files == ("technical: c.rs",)
    kept = json.loads((workspace.data / AGREED_FILE).read_text())
    assert kept[-1]["files"] == ["technical: a.rs"]
    # Another server has been agreed to by nobody.
    elsewhere = paid_spec.model_copy(update={"base_url": "https://other.example"})
    other = what_leaves(await inputs_of(elsewhere, workspace, store))
    assert other is not None
    assert not_agreed(workspace, other) == other


async def test_nothing_leaves_with_a_teacher_on_this_machine(workspace: Workspace, store: AsyncStore) -> None:
    local = Spec(teacher="ollama", model="m", base_url="http://127.0.0.1:9")
    assert what_leaves(await inputs_of(local, workspace, store)) is None
    assert what_leaves(await inputs_of(Spec(), workspace, store)) is None


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 1}', '[{"server": 3}]'])
def test_a_damaged_agreement_is_none(workspace: Workspace, content: str) -> None:
    from studio.jobs.generate.leaving import Leaving

    (workspace.data / AGREED_FILE).write_text(content)
    assert not_agreed(workspace, Leaving("s")) == Leaving("s")


async def test_an_answer_that_was_lost_counts_at_its_worst(
    workspace: Workspace, store: AsyncStore, trying: Trying, paid_spec: Spec, server: MessagesServer
) -> None:
    server.script = steps(["cut body", "429", "good", "good", "good"])
    found = tried(await trying(paid_spec))
    assert [bool(one.conversation) for one in found] == [True] * 3
    counted = (await inputs_of(paid_spec, workspace, store)).order.previewed_usd
    known = sum(one.cost_usd or 0 for one in found)
    assert known < server.billed_usd <= counted
    # A refused attempt is not billed, so one worst case is all that was added.
    assert counted < known + 2 * 512 * 10 / 1_000_000 + 0.03


async def test_previews_that_cost_the_budget_are_the_last(
    trying: Trying, paid_spec: Spec, server: MessagesServer
) -> None:
    spec = paid_spec.model_copy(update={"budget_usd": 0.30})
    for _ in range(20):
        end = (await trying(spec))[-1]
        if isinstance(end, Failed):
            break
    assert isinstance(end, Failed)
    assert "earlier ones cost up to" in end.what
    assert server.billed_usd <= 0.30


async def test_damaged_rows_of_previews_are_left_out(workspace: Workspace) -> None:
    file: Path = workspace.data / PREVIEWS_FILE
    file.write_text('{"recipe": "tiny"}\nnoise\n[]\n')
    assert samples(workspace) == []
